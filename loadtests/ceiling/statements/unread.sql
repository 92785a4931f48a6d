-- Messages of queue $1 that its groups have yet to get, over all of its cursors.
select coalesce(sum(p.head - greatest(c.position, p.tail)), 0)::bigint
from queen.cursors c join queen.partitions p on p.id = c.partition_id join queen.queues q on q.id = p.queue_id
where q.name = $1
