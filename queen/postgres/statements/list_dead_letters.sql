-- $1 queue, $2 group, $3 partition, $4 from, $5 to (null: any; both inclusive, of the failure), $6 limit,
-- $7 offset, $8 most to count. One row for each dead letter of the page, newest failure first; each has the
-- total, which ends at $8 + 1. An empty page is one row without a dead letter.
-- Locks: none. Index: dead_letters_queue, backwards, in each queue.
with matching as materialized (
    select d.id, d.failed_at
    from queen.queues q
    cross join lateral (
        select d.id, d.failed_at
        from queen.dead_letters d join queen.partitions p on p.id = d.partition_id
        where d.queue_id = q.id
          and ($2::text is null or d.consumer_group = $2) and ($3::text is null or p.name = $3)
          and ($4::timestamptz is null or d.failed_at >= $4) and ($5::timestamptz is null or d.failed_at <= $5)
        order by d.failed_at desc, d.id desc
        limit $8::integer + 1
    ) d
    where $1::text is null or q.name = $1
    order by d.failed_at desc, d.id desc
    limit $8::integer + 1
),
page as (
    select id from matching order by failed_at desc, id desc limit $6::integer offset $7::integer
)
select counted.total, d.message_id, d.transaction_id, p.uuid, q.name, p.name, d.consumer_group, d.error,
       d.retry_count, d.payload, d.created_at, d.failed_at
from (select count(*) as total from matching) counted
left join page on true
left join queen.dead_letters d on d.id = page.id
left join queen.partitions p on p.id = d.partition_id
left join queen.queues q on q.id = d.queue_id
order by d.failed_at desc, d.id desc
