-- What a database says of itself and of us, before anything in it is touched. `stranger`: the first relation of a
-- schema queen in which no migration of ours ever ran. Reads the catalogue alone, takes no lock.
with relations as (
    select c.relname
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'queen' and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
)
select current_database() as database,
    current_user as role,
    current_setting('server_encoding') as encoding,
    current_setting('transaction_read_only') = 'on' as read_only,
    pg_is_in_recovery() as standby,
    case
        when not exists (select from relations where relname = 'migrations')
        then (select min(relname::text) from relations)
    end as stranger
