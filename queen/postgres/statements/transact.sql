-- Meaning of the arguments, rows and locks: migrations/0006_transaction.sql.
select kind, item, existing, outcome, dead, released, queue, partition
from queen.transact(
    $1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::uuid[], $7::json[],
    $8::text[], $9::uuid[], $10::text[], $11::text[], $12::text[], $13::text[])
order by kind, item
