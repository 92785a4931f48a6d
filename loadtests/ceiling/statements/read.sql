-- What a pop reads of one partition: the positions from $2 (not included) to $3.
select id, transaction_id, trace_id, payload, created_at
from queen.messages
where partition_id = $1::bigint and position > $2::bigint and position <= $3::bigint
order by position
