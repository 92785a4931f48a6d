-- The server's own flush, word for word (a test compares them): queen/postgres/statements/push.sql. Returns null,
-- or an array with an id for each message that is a duplicate.
select queen.push($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[], $8::json[])
