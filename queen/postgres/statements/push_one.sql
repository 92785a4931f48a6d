-- One message; null, or the id of the message that is there already. Locks: migrations/0003_push.sql.
select queen.push_one($1::bigint, $2::uuid, $3::text, $4::uuid, $5::json)
