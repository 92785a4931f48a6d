-- $1 queue, which need not exist: nobody makes, deletes or registers anything on it meanwhile.
-- Locks: advisory, exclusive.
select pg_advisory_xact_lock(queen.queue_lock_key($1::text))
