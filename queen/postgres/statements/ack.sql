-- $1 group, $2.. one array element an item. Locks and rule: migrations/0005_ack.sql.
select item, outcome, dead, released, queue, partition
from queen.ack($1::text, $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[])
order by item
