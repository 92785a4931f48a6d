-- One array element a message. Returns the duplicates only. Locks: migrations/0003_push.sql.
select item, existing from queen.push($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::json[])
