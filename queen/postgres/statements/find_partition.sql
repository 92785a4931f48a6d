-- $1 queue, $2 partition. Index: the unique keys of both names. No locks.
select p.id, p.uuid
from queen.partitions p join queen.queues q on q.id = p.queue_id
where q.name = $1 and p.name = $2
