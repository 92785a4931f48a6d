-- Many rows of one partition behind position $5, without lock, look-up or head. The arrays' lengths are hidden
-- from the planner, as the server's push hides them: else it plans anew for each call.
insert into queen.messages (id, transaction_id, queue_id, partition_id, position, payload, created_at)
select g.id, g.transaction_id, $3::bigint, $4::bigint, $5::bigint + g.item, g.payload, clock_timestamp()
from unnest((select $1::uuid[]), (select $2::text[]), (select $6::json[]))
     with ordinality as g (id, transaction_id, payload, item)
