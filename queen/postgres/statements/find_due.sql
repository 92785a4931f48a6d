-- $1, $2 one array element a line; $3 within how many ms. Meaning of the columns: migrations/0010_watch.sql.
select line, due_in_ms from queen.find_due($1::bigint[], $2::bigint[], $3::float8 * interval '1 ms')
