-- Messages that were ever stored in queue $1.
select coalesce(sum(p.head), 0)::bigint
from queen.partitions p join queen.queues q on q.id = p.queue_id
where q.name = $1
