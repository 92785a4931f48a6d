-- One row, without lock, look-up or head: the least that storing a message can cost.
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
values ($1::uuid, $2::text, $3::bigint, $4::bigint, $5::bigint, $6::json, clock_timestamp())
