-- The statement that makes the index of the duplicate look-up, as it stands.
select pg_get_indexdef('queen.messages_transaction'::regclass)
