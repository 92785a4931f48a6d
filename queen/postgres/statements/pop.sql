-- Locks and meaning of the columns: migrations/0004_pop.sql.
select partition_uuid, partition_name, read, messages, closing, next_in_ms, blocked_partition
from queen.pop($1::bigint, $2::text, $3::bigint, $4::integer, $5::integer, $6::uuid)
