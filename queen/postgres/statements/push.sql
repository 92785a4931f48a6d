-- One array element a message, grouped by partition. Returns null, or an array with the id that is there
-- already for each message that is a duplicate. Arguments, locks: migrations/0003_push.sql.
select queen.push($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::uuid[], $8::json[])
