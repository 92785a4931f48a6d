-- $1 partition, $2 transaction id. Locks: none. Index: partitions by uuid, messages_transaction.
select m.id, m.transaction_id, m.partition_uuid, m.queue, m.partition, m.namespace, m.task, m.status,
       m.queue_status, m.consumed_by, m.named_groups, m.trace_id, m.priority, m.created_at, m.lease_expires_at,
       m.payload, dead.error, coalesce(dead.retry_count, m.attempts) as retry_count,
       q.lease_time, q.retry_limit, q.retry_delay, q.ttl,
       coalesce(groups.names, '{}') as names, coalesce(groups.consumed, '{}') as consumed,
       coalesce(groups.leases, '{}') as leases
from queen.partitions p
join queen.queues q on q.id = p.queue_id
cross join lateral (
    select stored.position from queen.messages stored
    where queen.transaction_key(stored.transaction_id, stored.partition_id) = queen.transaction_key($2::text, p.id)
      and stored.transaction_id = $2 and stored.partition_id + 0 = p.id
    limit 1
) found
cross join lateral (
    select progress.* from queen.message_progress progress
    where progress.partition_id = p.id and progress.position = found.position
    limit 1
) m
left join lateral (
    select d.error, d.retry_count from queen.dead_letters d
    where d.partition_id = p.id and d.position = found.position
    order by d.id desc
    limit 1
) dead on true
cross join lateral (
    select array_agg(g.consumer_group order by g.consumer_group) as names,
           array_agg(found.position <= g.reached order by g.consumer_group) as consumed,
           array_agg(case when found.position > g.reached and found.position <= g.leased
                          then g.lease_expires_at end order by g.consumer_group) as leases
    from queen.group_progress g where g.partition_id = p.id
) groups
where p.uuid = $1::uuid
