-- $1 lease, $2 seconds: in every partition that holds the lease and where it still lives, its end becomes
-- now + $2, if that is later. Returns how many partitions hold it, in how many it was extended, and the
-- earliest end of those.
-- Locks: the cursors of the lease, by (partition, group). Index: cursors_lease.
with held as (
    select c.partition_id, c.group_id,
           greatest(c.lease_expires_at, clock_timestamp() + make_interval(secs => $2::integer)) as until
    from queen.cursors c
    where c.lease_id = $1::uuid
    order by c.partition_id, c.group_id
    for update
),
extended as (
    update queen.cursors c
    set lease_expires_at = held.until, available_at = held.until
    from held
    where c.partition_id = held.partition_id and c.group_id = held.group_id
      and c.lease_expires_at > clock_timestamp()
    returning c.lease_expires_at
)
select (select count(*) from held) as held, count(*) as extended, min(lease_expires_at) as expires_at
from extended
