-- $1 queue, whose delays may have become shorter: cursors that wait for a message to fall due look again.
-- Live leases keep their end. Right only after lock_cursors.sql, in a later statement: a push or a pop that
-- still went by the old delay has ended then, and what it wrote is seen here.
-- Locks: held. Index: cursors' primary key.
update queen.cursors c
set available_at = clock_timestamp()
from queen.partitions p join queen.queues q on q.id = p.queue_id
where q.name = $1 and c.partition_id = p.id
  and (c.lease_id is null or c.lease_expires_at <= clock_timestamp())
  and c.available_at > clock_timestamp() and c.available_at <> 'infinity'
