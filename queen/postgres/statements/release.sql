-- $1 group, $2 partitions, $3 lease: gives the lease back as if it had never been taken. available_at gets
-- a lower bound, never infinity, so the partition's lock is not needed.
-- Locks: those of the group's cursors that hold the lease, by partition id. Index: primary key.
with held as (
    select c.partition_id
    from queen.cursors c join queen.partitions p on p.id = c.partition_id
    where p.uuid = any ($2::uuid[]) and c.group_id = $1::bigint and c.lease_id = $3::uuid
    order by c.partition_id
    for update of c
)
update queen.cursors c
set lease_id = null, lease_expires_at = null, lease_end = null, available_at = clock_timestamp()
from held
where c.partition_id = held.partition_id and c.group_id = $1::bigint
