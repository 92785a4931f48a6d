-- $1 queue, whose delays may have become shorter: cursors that wait for a message to fall due look again.
-- Live leases keep their end. Locks: those cursors, by (partition, group). Index: cursors' primary key.
with waiting as (
    select c.partition_id, c.group_id
    from queen.queues q
    join queen.partitions p on p.queue_id = q.id
    join queen.cursors c on c.partition_id = p.id
    where q.name = $1 and (c.lease_id is null or c.lease_expires_at <= clock_timestamp())
      and c.available_at > clock_timestamp() and c.available_at <> 'infinity'
    order by c.partition_id, c.group_id
    for update of c
)
update queen.cursors c
set available_at = clock_timestamp()
from waiting
where c.partition_id = waiting.partition_id and c.group_id = waiting.group_id
