-- Ack: an offset commit. The state of a (partition, group) is one committed position plus one lease.
--
-- The rule, for the items of one call on one partition in position order (docs/ack.md has it in
-- full). `at or behind` means position <= the committed position.
--   unresolved  no such (partition, transaction id): nothing changes
--   noop        completed or dlq at or behind: the retried ack of an answer that was lost
--   committed   failed or retry at or behind: refused, the message is already done
--   lease       a lease id that is not the live lease or beyond what it handed out; or none, while one lives
--   done        completed: commits everything up to here; dlq: the same, and keeps a dead letter
--   returned    failed or retry: the first one clamps. The position stops before it, the lease ends, it
--               and all behind it are delivered again. With attempts over retry_limit, `failed` turns
--               that one message into a dead letter and the position passes it.
--   superseded  completed or dlq behind the clamp: refused, it will be delivered again
--   unregistered  the group has never popped from this queue
-- The position never goes backwards. When it reaches the lease's end, the lease ends by itself.
--
-- Returns a row for each item: its number (from 1), the outcome by these names, whether it became a dead
-- letter, whether the partition's lease ended in this call, and the names of queue and partition.
-- Locks: partitions by id, then the group's cursors of those partitions by partition id.
create function queen.ack(
    p_group text, p_partition uuid[], p_transaction text[], p_status text[], p_lease text[], p_error text[])
returns table (item bigint, outcome text, dead boolean, released boolean, queue text, partition text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    r record;
    v_now timestamptz;
    v_partition bigint;       -- of the run of items in hand
    v_group bigint;
    v_position bigint;
    v_attempts integer;
    v_attempts_position bigint;
    v_clamped boolean;
    v_live boolean;           -- a lease lives
    v_ended boolean;
    v_items bigint[];
    v_outcomes text[];
    v_deads boolean[];
    v_outcome text;
    v_dead boolean;
    v_queue_name text;
    v_partition_name text;
    v_lease_end bigint;
    v_moved boolean;
    v_gone boolean;           -- what the row knows of a lease is to be cleared
begin
    perform from queen.partitions p where p.uuid = any (p_partition) order by p.id for no key update;
    perform from queen.cursors c
    join queen.partitions p on p.id = c.partition_id
    join queen.queues q on q.id = p.queue_id
    join queen.consumer_groups g on g.id = c.group_id and g.name = p_group and g.queue_name = q.name
    where p.uuid = any (p_partition)
    order by c.partition_id
    for update of c;
    v_now := clock_timestamp();

    -- One row more than there are items: the last one (item null) closes the last run.
    for r in
        select i.item, i.status, nullif(i.lease, '') as lease, i.error,
               p.id as partition_id, p.name as partition_name, p.head, p.tail,
               q.id as queue_id, q.name as queue_name, q.retry_limit,
               c.group_id, c.position as committed, c.attempts, c.attempts_position,
               c.lease_id, c.lease_end, c.lease_expires_at > v_now as live,
               m.position, m.id as message_id, m.transaction_id, m.trace_id, m.payload, m.created_at
        from unnest(p_partition, p_transaction, p_status, p_lease, p_error)
             with ordinality as i (partition_uuid, transaction_id, status, lease, error, item)
        left join queen.partitions p on p.uuid = i.partition_uuid
        left join queen.queues q on q.id = p.queue_id
        left join queen.consumer_groups g on g.queue_name = q.name and g.name = p_group
        left join queen.cursors c on c.partition_id = p.id and c.group_id = g.id
        left join lateral (
            select m.position, m.id, m.transaction_id, m.trace_id, m.payload, m.created_at
            from queen.messages m
            where queen.transaction_key(m.transaction_id, m.partition_id)
                      = queen.transaction_key(i.transaction_id, p.id)
              and m.transaction_id = i.transaction_id
              and m.partition_id + 0 = p.id
            limit 1
        ) m on true
        union all
        select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
               null, null, null, null, null, null, null, null, null
        order by partition_id nulls last, position nulls first, item nulls last
    loop
        -- A new partition begins (or all are done): store what the run before it came to.
        if v_partition is not null and r.partition_id is distinct from v_partition then
            if v_group is not null then
                v_ended := v_live and (v_clamped or v_position >= v_lease_end);
                select c.position <> v_position into v_moved from queen.cursors c
                where c.partition_id = v_partition and c.group_id = v_group;
                -- An expired lease is forgotten when an unfenced ack has moved past what it was for.
                v_gone := v_ended or (v_moved and not v_live);
                update queen.cursors c
                set position = v_position,
                    attempts = v_attempts,
                    attempts_position = v_attempts_position,
                    expired_leases = case when v_moved then 0 else c.expired_leases end,
                    consumed = c.consumed + v_position - greatest(c.position, least(p.tail, v_position)),
                    last_consumed_at = case when v_moved then v_now else c.last_consumed_at end,
                    lease_id = case when v_gone then null else c.lease_id end,
                    lease_expires_at = case when v_gone then null else c.lease_expires_at end,
                    lease_end = case when v_gone then null else c.lease_end end,
                    available_at = case
                        when v_live and not v_ended then c.available_at
                        when p.head > greatest(v_position, p.tail) then v_now
                        else 'infinity' end
                from queen.partitions p
                where c.partition_id = v_partition and c.group_id = v_group and p.id = c.partition_id;
            end if;
            return query
            select done.item, done.outcome, done.dead, coalesce(v_ended, false), v_queue_name, v_partition_name
            from unnest(v_items, v_outcomes, v_deads) as done (item, outcome, dead);
            v_partition := null;
        end if;
        exit when r.item is null;
        if r.partition_id is null then
            return query select r.item, 'unresolved', false, false, null::text, null::text;
            continue;
        end if;
        if v_partition is null then
            v_partition := r.partition_id;
            v_group := r.group_id;
            v_position := r.committed;
            v_attempts := coalesce(r.attempts, 0);
            v_attempts_position := r.attempts_position;
            v_live := coalesce(r.live, false);
            v_lease_end := r.lease_end;
            v_clamped := false;
            v_ended := false;
            v_items := '{}';
            v_outcomes := '{}';
            v_deads := '{}';
            v_queue_name := r.queue_name;
            v_partition_name := r.partition_name;
        end if;

        v_dead := false;
        if r.position is null then
            v_outcome := 'unresolved';
        elsif v_group is null then
            v_outcome := 'unregistered';
        elsif r.position <= v_position then
            v_outcome := case when r.status in ('failed', 'retry') then 'committed' else 'noop' end;
        elsif (r.lease is not null or v_live)
              and (r.lease is null or not v_live or r.lease <> r.lease_id::text or r.position > r.lease_end) then
            v_outcome := 'lease';
        elsif v_clamped then
            v_outcome := case when r.status in ('failed', 'retry') then 'returned' else 'superseded' end;
        elsif r.status = 'retry' then
            v_outcome := 'returned';
            v_clamped := true;
        elsif r.status = 'failed' then
            v_outcome := 'returned';
            v_clamped := true;
            v_attempts := case when v_attempts_position = r.position then v_attempts else 0 end + 1;
            v_attempts_position := r.position;
            v_dead := v_attempts > r.retry_limit;
        else
            v_outcome := 'done';
            v_dead := r.status = 'dlq';
        end if;

        if v_dead then
            insert into queen.dead_letters
                (queue_id, partition_id, consumer_group, position, message_id, transaction_id, trace_id, payload,
                 error, retry_count, created_at)
            values
                (r.queue_id, r.partition_id, p_group, r.position, r.message_id, r.transaction_id, r.trace_id,
                 r.payload, r.error,
                 case when v_attempts_position = r.position  -- the `failed` acks before this one
                      then v_attempts - (r.status = 'failed')::integer
                      else 0 end, r.created_at);
        end if;
        if v_dead or v_outcome = 'done' then
            v_position := r.position;
            v_attempts := 0;
            v_attempts_position := null;
        end if;
        v_items := v_items || r.item;
        v_outcomes := v_outcomes || v_outcome;
        v_deads := v_deads || v_dead;
    end loop;
end $$;

-- Plain acks of several requests in one call: each says `completed` of messages of one partition under one
-- lease (or none), and no more of the rule above is needed than this:
--   noop  a single message at or behind the position
--   done  a single message, or the next messages after the position in their order; within the live lease, or
--         under none while none lives
-- Anything else is left as it is and gets outcome null: queen.ack has to judge it. So no partition has to be
-- locked beforehand, and pushes and acks do not wait for each other; parking a drained cursor at infinity only
-- tries the partition's lock, as a pop does (0004_pop.sql).
--
-- p_group, p_partition, p_lease, p_last: one element a request. p_last: the number of its last element in
-- p_transaction, which holds the ids of all requests one after the other. They are judged in their order.
-- Returns a row for each request: its number (from 1), its outcome, and the rest as queen.ack does.
-- Locks: cursors by (partition, group).
create function queen.ack_together(
    p_group text[], p_partition uuid[], p_lease text[], p_last integer[], p_transaction text[])
returns table (request integer, outcome text, released boolean, queue text, partition text)
language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set jit = off
as $$
#variable_conflict use_column
declare
    v record;            -- the cursor in hand, with its partition
    v_now timestamptz;
    v_first integer := 1;
    v_items integer;
    v_until bigint;      -- position of the last message of the request
    v_held boolean;      -- the partition's lock
    v_locked text[];     -- partition and group of the cursors that we hold: others may have come since
begin
    select array_agg(mine.partition_id || ' ' || mine.group_id) into v_locked
    from (
        select c.partition_id, c.group_id
        from (
            select distinct p.id as partition_id, g.id as group_id
            from unnest(p_group, p_partition) as asked (name, partition_uuid)
            join queen.partitions p on p.uuid = asked.partition_uuid
            join queen.queues q on q.id = p.queue_id
            join queen.consumer_groups g on g.queue_name = q.name and g.name = asked.name
        ) named
        join queen.cursors c on c.partition_id = named.partition_id and c.group_id = named.group_id
        order by c.partition_id, c.group_id
        for update of c
    ) mine;
    v_now := clock_timestamp();

    for n in 1 .. cardinality(p_group) loop
        request := n;
        outcome := null;
        released := false;
        v_items := p_last[n] - v_first + 1;

        select p.id, p.head, p.tail, p.name, q.name as queue_name, c.group_id, c.position,
               greatest(c.position, p.tail) as start, c.lease_end, c.lease_expires_at > v_now as live,
               case when c.lease_expires_at > v_now
                   then c.lease_id::text = p_lease[n] else p_lease[n] = '' end as allowed
        into v
        from queen.partitions p
        join queen.queues q on q.id = p.queue_id
        join queen.consumer_groups g on g.queue_name = q.name and g.name = p_group[n]
        join queen.cursors c on c.partition_id = p.id and c.group_id = g.id
        where p.uuid = p_partition[n] and p.id || ' ' || g.id = any (v_locked);
        queue := v.queue_name;
        partition := v.name;

        v_until := null;
        if v_items = 1 then
            select m.position into v_until from queen.messages m
            where queen.transaction_key(m.transaction_id, m.partition_id)
                      = queen.transaction_key(p_transaction[v_first], v.id)
              and m.transaction_id = p_transaction[v_first]
              and m.partition_id + 0 = v.id
            limit 1;
        elsif v.allowed and p_transaction[v_first:p_last[n]] = (
            select array_agg(m.transaction_id) from (
                select m.transaction_id from queen.messages m
                where m.partition_id = v.id and m.position > v.start and m.position <= v.start + v_items
                order by m.position
            ) m
        ) then
            v_until := v.start + v_items;
        end if;
        v_first := p_last[n] + 1;

        if v_until <= v.position then
            outcome := 'noop';
        elsif v.allowed and v_until > v.position and (v.live is not true or v_until <= v.lease_end) then
            outcome := 'done';
            released := v.live is true and v_until = v.lease_end;
            v_held := false;
            if v_until >= v.head then
                perform from queen.partitions where id = v.id for no key update skip locked;
                v_held := found;
            end if;
            update queen.cursors c
            set position = v_until, attempts = 0, attempts_position = null, expired_leases = 0,
                consumed = c.consumed + v_until - greatest(c.position, least(v.tail, v_until)),
                last_consumed_at = v_now,
                lease_id = case when v.live is true and not released then c.lease_id end,
                lease_expires_at = case when v.live is true and not released then c.lease_expires_at end,
                lease_end = case when v.live is true and not released then c.lease_end end,
                available_at = case
                    when v.live is true and not released then c.available_at
                    when v_held and v_until >= (select p.head from queen.partitions p where p.id = v.id)
                        then 'infinity'
                    else v_now end
            where c.partition_id = v.id and c.group_id = v.group_id;
        end if;
        return next;
    end loop;
end $$;
