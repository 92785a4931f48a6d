-- $1 namespace, $2 task (null: any), $3 limit, $4 offset. One row for each queue of the page, newest first;
-- each has the total. An empty page is one row without a queue.
-- Locks: none. Index: partitions by queue, cursors by primary key.
with chosen as (
    select q.* from queen.queues q
    where ($1::text is null or q.namespace = $1) and ($2::text is null or q.task = $2)
),
page as (
    select * from chosen order by created_at desc, id desc limit $3::integer offset $4::integer
)
select counted.total, q.uuid, q.name, q.namespace, q.task, q.created_at,
       held.partitions, held.total, held.pending, held.processing
from (select count(*) as total from chosen) counted
left join page q on true
left join lateral (
    select count(*) as partitions, coalesce(sum(p.total), 0)::bigint as total,
           coalesce(sum(p.pending), 0)::bigint as pending, coalesce(sum(p.processing), 0)::bigint as processing
    from queen.partition_progress p where p.queue_id = q.id
) held on true
order by q.created_at desc, q.id desc
