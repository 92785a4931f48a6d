-- Messages that the groups of queue $1 have ever committed, whatever was set back since.
select coalesce(sum(c.consumed), 0)::bigint
from queen.cursors c join queen.partitions p on p.id = c.partition_id join queen.queues q on q.id = p.queue_id
where q.name = $1
