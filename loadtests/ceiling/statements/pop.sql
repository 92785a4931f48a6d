-- The server's own pop, word for word (a test compares them): queen/postgres/statements/pop.sql. One array element
-- a pop.
select asked.item, found.partition_uuid, found.partition_name, found.read, found.messages, found.closing,
       found.next_in_ms, found.blocked_partition, found.gone
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::integer[], $5::integer[], $6::uuid[])
     with ordinality as asked (group_id, group_name, partition_id, batch, partitions, lease_id, item)
cross join lateral queen.pop(
    asked.group_id, asked.group_name, asked.partition_id, asked.batch, asked.partitions, asked.lease_id,
    $7::boolean) as found
