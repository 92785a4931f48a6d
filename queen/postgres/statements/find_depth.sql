-- $1 queue, $2 group, $3 limit: one row for each partition where the group has still to consume something,
-- most first; each has the totals of all. No row: no such queue; one without a partition: nothing is left.
-- A group that does not read the queue starts where it subscribed, if it ever did, else at the tail.
-- Locks: none. Index: partitions by queue, cursors by primary key.
select coalesce(sum(depth.unread) over (), 0)::bigint, count(depth.id) over (), depth.name, depth.unread
from queen.queues q
left join queen.consumer_groups known on known.queue_name = q.name and known.name = $2::text
left join lateral (
    select p.id, p.name, p.head - coalesce(
               g.reached,
               case when known.subscription_from is not null
                    then queen.position_before(p.id, p.tail, p.head, known.subscription_from) end,
               p.tail) as unread
    from queen.partitions p
    left join lateral (
        select progress.reached from queen.group_progress progress
        where progress.partition_id = p.id and progress.group_id = known.id
        limit 1
    ) g on true
    where p.queue_id = q.id
) depth on depth.unread > 0
where q.name = $1::text
order by depth.unread desc, depth.id
limit $3::integer
