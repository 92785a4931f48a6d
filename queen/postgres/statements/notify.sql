-- $1 channel, $2 payloads, one notification each; none of them: a round trip that proves the connection.
-- Never part of a transaction that stores anything: the commit of one that notifies takes a lock for the
-- whole database, and pushes would queue behind each other.
select pg_notify($1::text, payload) from unnest($2::text[]) as payload
