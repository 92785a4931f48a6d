-- $1 queue: one row for each of its partitions, oldest first; a queue without any is one row without one.
-- Locks: none. Index: partitions by queue, cursors by primary key; one probe of messages a partition.
select q.uuid, q.name, q.namespace, q.task, q.created_at,
       p.uuid as partition_uuid, p.name as partition, p.created_at as partition_created_at,
       p.total, p.pending, p.processing, p.completed, p.dead_letter,
       oldest.created_at as oldest, case when p.total > 0 then p.last_created_at end as newest
from queen.queues q
left join queen.partition_progress p on p.queue_id = q.id
left join lateral (
    select m.created_at from queen.messages m
    where m.partition_id = p.partition_id and m.position = p.tail + 1
    limit 1
) oldest on true
where q.name = $1::text
order by p.partition_id
