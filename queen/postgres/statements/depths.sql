-- $1 queue names. For each that exists: its maxSize, and if that is not 0 its depth: the messages that its
-- slowest group still has to consume; all retained ones when nobody reads it.
-- Locks: none. Index: queues by name, partitions by (queue, name), cursors by primary key.
select q.name, q.max_size,
       case when q.max_size = 0 then 0 else coalesce(
           (select max(of_group.pending)
            from (select sum(p.head - greatest(c.position, p.tail)) as pending
                  from queen.partitions p join queen.cursors c on c.partition_id = p.id
                  where p.queue_id = q.id
                  group by c.group_id) of_group),
           (select sum(p.head - p.tail) from queen.partitions p where p.queue_id = q.id),
           0)
       end::bigint as depth
from queen.queues q
where q.name = any ($1::text[])
