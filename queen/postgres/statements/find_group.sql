-- $1 group: one row for each partition that it reads, by queue and partition; a queue without partitions is
-- one row without one. Locks: none. Index: cursors_available; where something is unread one probe of messages.
select g.queue_name, part.name, p.lease_id, p.last_consumed_at, p.consumed, p.head - p.reached as unread,
       greatest(0, floor(extract(epoch from now() - first_unread.created_at)))::bigint as lag_s
from queen.consumer_groups g
left join queen.group_progress p on p.group_id = g.id
left join queen.partitions part on part.id = p.partition_id
left join lateral (
    select m.created_at from queen.messages m
    where m.partition_id = p.partition_id and m.position = p.reached + 1
    limit 1
) first_unread on p.head > p.reached
where g.name = $1::text and g.active
order by g.queue_name, p.partition_id
