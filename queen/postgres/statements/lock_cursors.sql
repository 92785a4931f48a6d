-- $1 queue. Locks: its partitions by id, then their cursors by (partition, group).
select queen.lock_cursors_of(array[$1::text])
