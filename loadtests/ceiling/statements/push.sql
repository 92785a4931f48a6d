-- The server's own flush, word for word (a test compares them): queen/postgres/statements/push.sql.
select item, existing from queen.push($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::json[])
