-- What the client backends of one database are doing, in one row. Holds no snapshot beyond its own statement.
-- Server-side work (checkpointer, autovacuum, WAL writer) is left out, and so are the server's connections
-- for wake-ups: it is not what the pool does.
-- $1 database name
SELECT count(*) FILTER (WHERE state = 'active')::int AS active,
       count(*) FILTER (WHERE state = 'idle')::int AS idle,
       count(*) FILTER (WHERE state LIKE 'idle in transaction%')::int AS idle_in_transaction,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock')::int AS wait_lock,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'LWLock')::int AS wait_lwlock,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'IO')::int AS wait_io,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Client')::int AS wait_client,
       count(*) FILTER (WHERE state = 'active'
                        AND wait_event_type NOT IN ('Lock', 'LWLock', 'IO', 'Client'))::int AS wait_other,
       count(*) FILTER (WHERE state = 'active' AND wait_event_type IS NULL)::int AS running,
       (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint AS wal_bytes,
       (SELECT tup_inserted FROM pg_stat_database WHERE datname = $1::text) AS rows_inserted
FROM pg_stat_activity
WHERE datname = $1::text AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND application_name <> 'queen-wakeups'
