-- Push: all items or none, duplicates are not errors.
--
-- Lock and look-up never share a snapshot. In READ COMMITTED a statement's snapshot is older than the
-- lock it waits for, so the duplicates of a push that has just committed would be missed: a first
-- statement takes the locks, a later one looks up, numbers the survivors and inserts.
--
-- Plans must not depend on statistics (every trial starts on fresh tables) nor be made anew for each call:
--   LIMIT in a LATERAL keeps a look-up a probe of the hash index for each item;
--   "partition_id + 0" keeps the primary key, and with it the scan of a partition, out of reach;
--   "(select p_x)" hides an array's length from the planner. Where it can see it, it believes that each
--   length deserves a plan of its own and spends more time on planning than on the push.

-- Many messages in one multi-row INSERT. Returns only what was not stored: the item's number (from 1, in
-- the given order) and the id of the message that already holds its (partition, transaction id). Of equal
-- items in one call the first wins. Raises QN001 when a partition does not exist (any more): nothing is
-- stored then. Locks: partitions by id; cursors of idle groups of those partitions.
create function queen.push(
    p_partition bigint[], p_id uuid[], p_transaction text[], p_trace uuid[], p_payload json[])
returns table (item bigint, existing uuid)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_locked bigint;
begin
    select count(*) into v_locked
    from (select from queen.partitions where id = any ((select p_partition)::bigint[])
          order by id for no key update) locked;
    if v_locked <> (select count(distinct wanted) from unnest((select p_partition)) wanted) then
        raise exception 'a partition of this push does not exist' using errcode = 'QN001';
    end if;

    return query
    with given as (
        select g.*,
               first_value(g.id) over same as first_id,
               row_number() over same as repeat
        from unnest((select p_partition), (select p_id), (select p_transaction), (select p_trace),
                    (select p_payload))
             with ordinality as g (partition_id, id, transaction_id, trace_id, payload, item)
        window same as (partition by g.partition_id, g.transaction_id order by g.item)
    ),
    judged as materialized (
        select given.*, coalesce(stored.id, case when given.repeat > 1 then given.first_id end) as existing
        from given
        left join lateral (
            select m.id from queen.messages m
            where hashtextextended(m.transaction_id, m.partition_id)
                      = hashtextextended(given.transaction_id, given.partition_id)
              and m.transaction_id = given.transaction_id
              and m.partition_id + 0 = given.partition_id
            limit 1
        ) stored on true
    ),
    fresh as (
        select judged.*, row_number() over (partition by judged.partition_id order by judged.item) as step
        from judged where judged.existing is null
    ),
    moved as (
        update queen.partitions p
        set head = p.head + taken.messages,
            last_created_at = greatest(clock_timestamp(), p.last_created_at)
        from (select f.partition_id, count(*) as messages from fresh f group by f.partition_id) taken
        where p.id = taken.partition_id
        returning p.id, p.queue_id, p.head - taken.messages as base, p.last_created_at
    ),
    stored as (
        insert into queen.messages
            (id, transaction_id, queue_id, partition_id, position, trace_id, payload, created_at)
        select fresh.id, fresh.transaction_id, moved.queue_id, moved.id, moved.base + fresh.step,
               fresh.trace_id, fresh.payload, moved.last_created_at
        from fresh join moved on moved.id = fresh.partition_id
        order by moved.id, fresh.step
    )
    select judged.item, judged.existing from judged where judged.existing is not null;

    -- Groups that had nothing to find have something now (a lower bound: pop checks the rest).
    update queen.cursors c
    set available_at = least(p.last_created_at, clock_timestamp())
                       + make_interval(secs => greatest(q.delayed_processing, q.window_buffer))
    from queen.partitions p join queen.queues q on q.id = p.queue_id
    where c.partition_id = any ((select p_partition)::bigint[])
      and c.available_at = 'infinity' and p.id = c.partition_id;
end $$;

-- One message with one INSERT: what a sequential push sends once for each. The same rules and locks.
-- Returns the id of the message that already holds its (partition, transaction id), or null: stored.
create function queen.push_one(
    p_partition bigint, p_id uuid, p_transaction text, p_trace uuid, p_payload json)
returns uuid
language plpgsql volatile as $$
declare
    v_existing uuid;
    v_queue bigint;
    v_position bigint;
    v_created_at timestamptz;
begin
    perform from queen.partitions where id = p_partition for no key update;
    if not found then
        raise exception 'the partition of this push does not exist' using errcode = 'QN001';
    end if;

    select m.id into v_existing from queen.messages m
    where hashtextextended(m.transaction_id, m.partition_id) = hashtextextended(p_transaction, p_partition)
      and m.transaction_id = p_transaction
      and m.partition_id + 0 = p_partition
    limit 1;
    if found then
        return v_existing;
    end if;

    update queen.partitions
    set head = head + 1, last_created_at = greatest(clock_timestamp(), last_created_at)
    where id = p_partition
    returning queue_id, head, last_created_at into v_queue, v_position, v_created_at;
    insert into queen.messages
        (id, transaction_id, queue_id, partition_id, position, trace_id, payload, created_at)
    values (p_id, p_transaction, v_queue, p_partition, v_position, p_trace, p_payload, v_created_at);

    update queen.cursors c
    set available_at = least(v_created_at, clock_timestamp())
                       + make_interval(secs => greatest(q.delayed_processing, q.window_buffer))
    from queen.queues q
    where c.partition_id = p_partition and c.available_at = 'infinity' and q.id = v_queue;
    return null;
end $$;
