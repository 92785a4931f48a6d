-- The smallest durable transaction: a few bytes of WAL, no table.
select pg_logical_emit_message(true, 'ceiling', '')
