-- Sets all cursors of queue $1 back to the first message that is kept, without lease. Cursors of partitions that
-- never had a message stay as they are. Locks: those cursors; nothing else may use them meanwhile.
update queen.cursors c
set position = p.tail, available_at = clock_timestamp(), lease_id = null, lease_expires_at = null,
    lease_start = null, lease_end = null, attempts = 0, attempts_position = null, expired_leases = 0
from queen.partitions p join queen.queues q on q.id = p.queue_id
where p.id = c.partition_id and q.name = $1 and p.head > p.tail
