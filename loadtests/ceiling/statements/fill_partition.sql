-- Appends $2 messages with random ids and transactionIds and payload $3 to partition $1, as pushes would have left
-- them. Locks: the partition.
with moved as (
    update queen.partitions p
    set head = p.head + $2::integer, last_created_at = greatest(clock_timestamp(), p.last_created_at)
    where p.id = $1::bigint
    returning p.id, p.queue_id, p.head - $2::integer as base, p.last_created_at
)
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
select gen_random_uuid(), gen_random_uuid()::text, moved.queue_id, moved.id, moved.base + step, $3::json,
       moved.last_created_at
from moved cross join generate_series(1, $2::integer) step
