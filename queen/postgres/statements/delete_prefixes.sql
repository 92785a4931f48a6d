-- $1 retention or eviction, $2 partition to go on behind, $3 most messages. Locks: migrations/0007_retention.sql.
select deleted, reached from queen.delete_prefixes($1::text, $2::bigint, $3::integer)
