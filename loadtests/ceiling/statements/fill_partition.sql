-- Appends $2 messages with random ids, payload $3 and transactionIds of the kind $4 (counting, uuid7, uuid4) to
-- partition $1, as pushes would have left them. Locks: the partition.
with locked as (
    select p.id, p.queue_id, p.head from queen.partitions p where p.id = $1::bigint for no key update
),
made as materialized (
    select locked.id, locked.queue_id, locked.head + step as position,
           case $4::text
               when 'counting' then 'f-' || lpad((locked.head + step)::text, 9, '0')
               when 'uuid7' then overlay(
                   overlay(gen_random_uuid()::text placing '-7' from 14)
                   placing regexp_replace(lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint),
                                               12, '0'), '(.{8})', '\1-') from 1)
               else gen_random_uuid()::text
           end as name
    from locked cross join generate_series(1, $2::integer) step
),
moved as (
    update queen.partitions p
    set head = p.head + $2::integer, last_created_at = greatest(clock_timestamp(), p.last_created_at),
        highest_id = queen.higher((select max(made.name collate "C") from made), p.highest_id)
    where p.id = $1::bigint
    returning p.last_created_at
)
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
select gen_random_uuid(), made.name, made.queue_id, made.id, made.position, $3::json, moved.last_created_at
from made cross join moved
