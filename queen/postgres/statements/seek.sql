-- $1 queue, $2 group, $3 partition or null, $4 instant or null: to the end. Locks: migrations/0009_groups.sql.
select partition, moved_to from queen.seek($1::text, $2::text, $3::text, $4::timestamptz)
