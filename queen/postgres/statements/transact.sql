-- Meaning of the arguments, rows and locks: migrations/0006_transaction.sql.
select kind, item, existing, outcome, dead, released, queue, partition
from queen.transact(
    $1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::uuid[], $6::json[],
    $7::text[], $8::uuid[], $9::text[], $10::text[], $11::text[], $12::text[])
order by kind, item
