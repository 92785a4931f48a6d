-- Meaning of the arguments, rows and locks: migrations/0006_transaction.sql.
select kind, item, existing, outcome, dead, released, queue, partition
from queen.transact(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::uuid[], $9::json[],
    $10::text[], $11::uuid[], $12::text[], $13::text[], $14::text[], $15::text[])
order by kind, item
