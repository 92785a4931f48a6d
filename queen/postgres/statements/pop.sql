-- Locks and meaning of the columns: migrations/0004_pop.sql.
select partition_uuid, partition_name, id, transaction_id, trace_id, payload, created_at, retry_count,
       expired_leases, next_in_ms, blocked_partition
from queen.pop($1::bigint, $2::bigint, $3::integer, $4::integer, $5::uuid)
