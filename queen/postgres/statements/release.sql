-- $1 lease: gives it back as if it had never been taken, in every partition that it holds. available_at gets
-- a lower bound, never infinity, so the partitions' locks are not needed.
-- Locks: the cursors of the lease, by (partition, group). Index: cursors_lease.
with held as (
    select c.partition_id, c.group_id
    from queen.cursors c
    where c.lease_id = $1::uuid
    order by c.partition_id, c.group_id
    for update
)
update queen.cursors c
set lease_id = null, lease_expires_at = null, lease_end = null, available_at = clock_timestamp()
from held
where c.partition_id = held.partition_id and c.group_id = held.group_id
