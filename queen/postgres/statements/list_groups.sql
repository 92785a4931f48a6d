-- $1 limit, $2 offset. One row for each (queue, group) of the page, by these names; each has the total. An
-- empty page is one row without a group.
-- Locks: none. Index: consumer_groups by name, cursors_available; where something is unread one probe of messages.
with page as (
    select g.* from queen.consumer_groups g
    where g.active
    order by g.queue_name, g.name
    limit $1::integer offset $2::integer
)
select counted.total, g.name, g.queue_name, read.partitions, read.lagging, read.unread,
       greatest(0, floor(extract(epoch from now() - read.oldest)))::bigint as lag_s, read.last_consumed_at,
       g.subscription_mode, g.subscription_from, g.created_at
from (select count(*) as total from queen.consumer_groups g where g.active) counted
left join page g on true
left join lateral (
    select count(*) as partitions,
           count(*) filter (where p.head > p.reached) as lagging,
           coalesce(sum(p.head - p.reached), 0)::bigint as unread,
           min(first_unread.created_at) as oldest,
           max(p.last_consumed_at) as last_consumed_at
    from queen.group_progress p
    left join lateral (
        select m.created_at from queen.messages m
        where m.partition_id = p.partition_id and m.position = p.reached + 1
        limit 1
    ) first_unread on p.head > p.reached
    where p.group_id = g.id
) read on true
order by g.queue_name, g.name
