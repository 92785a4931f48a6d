-- One row a transaction; TAG and PAYLOAD are filled in. A client's partition and positions are its own, and
-- no partition of a queue has such an id.
\set n :n + 1
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
values (gen_random_uuid(), 'TAG-' || :client_id || '-' || :n, 0, 1000000000000 + :client_id, :n,
        'PAYLOAD'::json, clock_timestamp());
