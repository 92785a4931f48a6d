-- Appends $2 messages with payload $3 to each partition of queue $1, as pushes would have left them.
with moved as (
    update queen.partitions p
    set head = p.head + $2::integer, last_created_at = greatest(clock_timestamp(), p.last_created_at),
        highest_id = queen.higher('fill-' || p.id || '-' || (p.head + $2::integer), p.highest_id)
    from queen.queues q
    where q.id = p.queue_id and q.name = $1
    returning p.id, p.queue_id, p.head - $2::integer as base, p.last_created_at
)
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
select gen_random_uuid(), 'fill-' || moved.id || '-' || (moved.base + step), moved.queue_id, moved.id,
       moved.base + step, $3::json, moved.last_created_at
from moved cross join generate_series(1, $2::integer) step
