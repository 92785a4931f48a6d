-- $1.. one array element a request, $5 the transaction ids of all. Rule and locks: migrations/0005_ack.sql.
select request, outcome, released, queue, partition
from queen.ack_together($1::text[], $2::uuid[], $3::text[], $4::integer[], $5::text[])
