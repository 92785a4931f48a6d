-- $1 queue. Locks: migrations/0009_groups.sql.
select queen.delete_queue($1::text)
