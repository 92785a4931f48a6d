-- $1 queue, $2 partition, $3 namespace, $4 task, $5 status, $6 from, $7 to (null: any; from: an hour before
-- to or now), $8 limit, $9 offset. One row for each message of the page, newest first; each has the total and
-- the kinds of groups in scope. An empty page is one row without a message.
-- Locks: none. Index: messages by primary key, see migrations/0008_reading.sql.
with ranges as materialized (
    select range.partition_id, range.low, range.high
    from queen.message_ranges(
        $1::text, $2::text, $3::text, $4::text, $5::text,
        coalesce($6::timestamptz, coalesce($7::timestamptz, now()) - interval '1 hour'), $7::timestamptz) range
),
page as (
    select newest.created_at, newest.partition_id, newest.position
    from queen.newest_messages(
        (select array_agg(partition_id) from ranges), (select array_agg(low) from ranges),
        (select array_agg(high) from ranges), $5::text, $8::integer + $9::integer) newest
    order by newest.created_at desc, newest.partition_id desc, newest.position desc
    limit $8 offset $9
),
counted as (
    select coalesce(sum(case when $5::text is null then range.high - range.low
                             when $5::text = 'dead_letter' then dead.letters
                             else range.high - range.low - dead.letters end), 0)::bigint as total
    from ranges range
    left join lateral (
        select count(distinct d.position) as letters from queen.dead_letters d
        where d.partition_id = range.partition_id and d.position > range.low and d.position <= range.high
    ) dead on $5::text is not null
),
mode as (
    select coalesce(bool_or(g.name = '__QUEUE_MODE__'), false) as queue_mode,
           count(distinct g.name) filter (where g.name <> '__QUEUE_MODE__') as named_groups
    from queen.consumer_groups g join queen.queues q on q.name = g.queue_name
    where g.active
      and ($1::text is null or q.name = $1) and ($3::text is null or q.namespace = $3)
      and ($4::text is null or q.task = $4)
)
select counted.total, mode.queue_mode as has_queue_mode, mode.named_groups as bus_groups,
       m.id, m.transaction_id, m.partition_uuid, m.queue, m.partition, m.namespace, m.task, m.status,
       m.queue_status, m.consumed_by, m.named_groups, m.trace_id, m.priority, m.created_at, m.lease_expires_at
from counted cross join mode left join page on true
left join lateral (
    select progress.* from queen.message_progress progress
    where progress.partition_id = page.partition_id and progress.position = page.position
    limit 1
) m on true
order by page.created_at desc, page.partition_id desc, page.position desc
