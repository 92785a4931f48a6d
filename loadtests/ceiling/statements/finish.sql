-- Sets the cursors of queue $1 behind the last message, as pops that have taken everything leave them. Locks: those
-- cursors; nothing else may use them meanwhile.
update queen.cursors c
set position = p.head, available_at = 'infinity', lease_id = null, lease_expires_at = null
from queen.partitions p join queen.queues q on q.id = p.queue_id
where p.id = c.partition_id and q.name = $1 and p.head > p.tail
