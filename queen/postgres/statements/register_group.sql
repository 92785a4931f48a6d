-- Locks: migrations/0002_resources.sql; none when the group is registered already.
select queen.register_group($1::text, $2::text, $3::text, $4::timestamptz)
