-- The id of group $2 of queue $1, registered for all messages when it is missing.
select queen.register_group($1::text, $2::text, 'all', null)
