-- $1 group, $2 queue or null: all, $3 also its subscription. Locks: migrations/0009_groups.sql.
select queue, partitions from queen.delete_group($1::text, $2::text, $3::boolean)
