-- What the current user may do on this server, and how many more connections it may open.
SELECT r.rolsuper OR r.rolcreatedb AS may_create,
       r.rolsuper OR pg_has_role(r.oid, 'pg_checkpoint', 'USAGE') AS may_checkpoint,
       current_setting('max_connections')::int AS max_connections,
       current_setting('max_connections')::int
           - CASE WHEN r.rolsuper THEN 0 ELSE current_setting('superuser_reserved_connections')::int END
           - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int
           AS free_connections
FROM pg_roles r
WHERE r.rolname = current_user
