-- Push: all items or none, duplicates are not errors.
--
-- Lock and look-up never share a snapshot. In READ COMMITTED a statement's snapshot is older than the
-- lock it waits for, so the duplicates of a push that has just committed would be missed: a first
-- statement takes the locks and reads the heads, a later one looks up, and what follows numbers and inserts.
--
-- Plans must not depend on statistics (every trial starts on fresh tables) nor be made anew for each call:
--   "set enable_seqscan, enable_bitmapscan" on the functions leaves the index of each table and the cheapest
--   way to use it, and costs no time that can be measured;
--   LIMIT in a LATERAL keeps a look-up a probe of its index for each item;
--   "partition_id + 0" keeps the primary key, and with it the scan of a partition, out of reach, and
--   "not isfinite(available_at)" the index of all that is idle;
--   "(select p_x)" hides an array's length from the planner. Where it can see it, it believes that each
--   length deserves a plan of its own and spends more time on planning than on the push.

-- Many messages in one multi-row INSERT.
-- p_partition: the partitions, each once, by id. p_first: the number (from 1) of the first item of each, and
-- after the last of them the number of items plus one. p_lowest, p_highest: the lowest and the highest transaction
-- id of each, by queen.comes_after; of ids that are too long for it the lowest is '', and the highest is that of the
-- others, or ''. p_id … p_payload: the items, those of a partition next to each other and in their order; no
-- (partition, transaction id) occurs twice. So the position of an item is its number and what belongs to its
-- partition: no window, no join, no sort; and what comes after all that its partition has seen is not looked up.
-- Returns null when all were stored, else an element for each item: null, or the id of the message that
-- already holds its (partition, transaction id). Raises QN001 when a partition does not exist (any more):
-- nothing is stored then. Locks: partitions by id; cursors of idle groups of those partitions.
create function queen.push(
    p_partition bigint[], p_first bigint[], p_lowest text[], p_highest text[],
    p_id uuid[], p_transaction text[], p_trace uuid[], p_payload json[])
returns uuid[]
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    v_queue bigint[];                   -- of each partition
    v_before bigint[];                  -- what an item's number is added to
    v_last_created_at timestamptz[];
    v_highest text[];
    v_all_new boolean;
    v_now timestamptz;
begin
    if cardinality(p_partition) = 1 then
        return queen.push_to_one(
            p_partition[1], p_lowest[1], p_highest[1], p_id, p_transaction, p_trace, p_payload);
    end if;

    select array_agg(locked.queue_id),
           array_agg(locked.head + 1 - p_first[locked.slot]),
           array_agg(locked.last_created_at),
           array_agg(locked.highest_id),
           bool_and(coalesce(queen.comes_after(p_lowest[locked.slot], locked.highest_id), false))
    into v_queue, v_before, v_last_created_at, v_highest, v_all_new
    from (select p.queue_id, p.head, p.last_created_at, p.highest_id,
                 width_bucket(p.id, (select p_partition)) as slot
          from queen.partitions p
          where p.id = any ((select p_partition)::bigint[]) order by p.id for no key update) locked;
    if coalesce(cardinality(v_queue), 0) <> cardinality(p_partition) then
        raise exception 'a partition of this push does not exist' using errcode = 'QN001';
    end if;
    v_now := clock_timestamp();

    if not v_all_new then
        perform from (
            select u.transaction_id, p_partition[u.slot] as partition_id
            from (select unnest((select p_transaction)) as transaction_id,
                         width_bucket(generate_series(1, (select cardinality(p_id)::bigint)),
                                      (select p_first)) as slot) u
            where not queen.comes_after(u.transaction_id, v_highest[u.slot])
            offset 0
        ) given
        cross join lateral (
            select from queen.messages m
            where queen.transaction_key(m.transaction_id, m.partition_id)
                      = queen.transaction_key(given.transaction_id, given.partition_id)
              and m.transaction_id = given.transaction_id
              and m.partition_id + 0 = given.partition_id
            limit 1
        ) stored
        limit 1;
        if found then
            return queen.push_the_rest(
                p_partition, p_first, p_lowest, p_highest, p_id, p_transaction, p_trace, p_payload);
        end if;
    end if;

    insert into queen.messages
        (id, transaction_id, queue_id, partition_id, position, trace_id, payload, created_at)
    select given.id, given.transaction_id, v_queue[given.slot], p_partition[given.slot],
           v_before[given.slot] + given.item, given.trace_id, given.payload,
           greatest(v_now, v_last_created_at[given.slot])
    from (
        select u.*, width_bucket(u.item, (select p_first)) as slot
        from (select unnest((select p_id)) as id, unnest((select p_transaction)) as transaction_id,
                     unnest((select p_trace)) as trace_id, unnest((select p_payload)) as payload,
                     generate_series(1, (select cardinality(p_id)::bigint)) as item) u
        offset 0
    ) given;

    update queen.partitions p
    set head = p.head + p_first[width_bucket(p.id, (select p_partition)) + 1]
                      - p_first[width_bucket(p.id, (select p_partition))],
        last_created_at = greatest(v_now, p.last_created_at),
        highest_id = queen.higher(p_highest[width_bucket(p.id, (select p_partition))], p.highest_id)
    where p.id = any ((select p_partition)::bigint[]);

    -- Groups that had nothing to find have something now (a lower bound: pop checks the rest).
    update queen.cursors c
    set available_at = (
        select least(greatest(v_now, v_last_created_at[idle.slot]), clock_timestamp())
               + make_interval(secs => greatest(q.delayed_processing, q.window_buffer))
        from (select width_bucket(c.partition_id, (select p_partition)) as slot) idle
        join queen.queues q on q.id = v_queue[idle.slot])
    where c.partition_id = any ((select p_partition)::bigint[]) and not isfinite(c.available_at);
    return null;
end $$;

-- The same for the messages of one partition, as most calls are: scalars in place of arrays.
create function queen.push_to_one(
    p_partition bigint, p_lowest text, p_highest text,
    p_id uuid[], p_transaction text[], p_trace uuid[], p_payload json[])
returns uuid[]
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    v_queue bigint;
    v_head bigint;
    v_created_at timestamptz;
    v_highest text;
begin
    select p.queue_id, p.head, p.last_created_at, p.highest_id into v_queue, v_head, v_created_at, v_highest
    from queen.partitions p where p.id = p_partition for no key update;
    if not found then
        raise exception 'the partition of this push does not exist' using errcode = 'QN001';
    end if;
    v_created_at := greatest(clock_timestamp(), v_created_at);

    if queen.comes_after(p_lowest, v_highest) is not true then
        perform from (
            select u.transaction_id
            from (select unnest((select p_transaction)) as transaction_id) u
            where not queen.comes_after(u.transaction_id, v_highest)
            offset 0
        ) given
        cross join lateral (
            select from queen.messages m
            where queen.transaction_key(m.transaction_id, m.partition_id)
                      = queen.transaction_key(given.transaction_id, p_partition)
              and m.transaction_id = given.transaction_id
              and m.partition_id + 0 = p_partition
            limit 1
        ) stored
        limit 1;
        if found then
            return queen.push_the_rest(
                array[p_partition], array[1, cardinality(p_id) + 1], array[p_lowest], array[p_highest],
                p_id, p_transaction, p_trace, p_payload);
        end if;
    end if;

    insert into queen.messages
        (id, transaction_id, queue_id, partition_id, position, trace_id, payload, created_at)
    select given.id, given.transaction_id, v_queue, p_partition, v_head + given.item, given.trace_id,
           given.payload, v_created_at
    from (select unnest((select p_id)) as id, unnest((select p_transaction)) as transaction_id,
                 unnest((select p_trace)) as trace_id, unnest((select p_payload)) as payload,
                 generate_series(1, (select cardinality(p_id)::bigint)) as item) given;

    update queen.partitions p
    set head = v_head + cardinality(p_id), last_created_at = v_created_at,
        highest_id = queen.higher(p_highest, v_highest)
    where p.id = p_partition;

    update queen.cursors c
    set available_at = (
        select least(v_created_at, clock_timestamp())
               + make_interval(secs => greatest(q.delayed_processing, q.window_buffer))
        from queen.queues q where q.id = v_queue)
    where c.partition_id = p_partition and not isfinite(c.available_at);
    return null;
end $$;

-- The push of which something is there already, under its locks: looks all of it up and pushes the rest.
-- Arguments and result as above.
create function queen.push_the_rest(
    p_partition bigint[], p_first bigint[], p_lowest text[], p_highest text[],
    p_id uuid[], p_transaction text[], p_trace uuid[], p_payload json[])
returns uuid[]
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    v_existing uuid[];
    v_slot integer[];    -- of the items that are left
    v_id uuid[];
    v_transaction text[];
    v_trace uuid[];
    v_payload json[];
    v_partition bigint[];
    v_first bigint[];
    v_lowest text[];
    v_highest text[];
begin
    select array_agg(stored.id order by given.item) into v_existing
    from (
        select u.*, p_partition[width_bucket(u.item, (select p_first))] as partition_id
        from unnest((select p_transaction)) with ordinality as u (transaction_id, item)
        offset 0
    ) given
    left join lateral (
        select m.id from queen.messages m
        where queen.transaction_key(m.transaction_id, m.partition_id)
                  = queen.transaction_key(given.transaction_id, given.partition_id)
          and m.transaction_id = given.transaction_id
          and m.partition_id + 0 = given.partition_id
        limit 1
    ) stored on true;

    select array_agg(width_bucket(u.item, (select p_first)) order by u.item), array_agg(u.id order by u.item),
           array_agg(u.transaction_id order by u.item), array_agg(u.trace_id order by u.item),
           array_agg(u.payload order by u.item)
    into v_slot, v_id, v_transaction, v_trace, v_payload
    from unnest(v_existing, p_id, p_transaction, p_trace, p_payload)
         with ordinality as u (existing, id, transaction_id, trace_id, payload, item)
    where u.existing is null;
    if v_id is null then
        return v_existing;
    end if;

    select array_agg(p_partition[run.slot] order by run.slot),
           array_agg(run.first order by run.slot) || (cardinality(v_id) + 1)::bigint,
           array_agg(p_lowest[run.slot] order by run.slot), array_agg(p_highest[run.slot] order by run.slot)
    into v_partition, v_first, v_lowest, v_highest
    from (select u.slot, min(u.item) as first
          from unnest(v_slot) with ordinality as u (slot, item) group by u.slot) run;
    perform queen.push(v_partition, v_first, v_lowest, v_highest, v_id, v_transaction, v_trace, v_payload);
    return v_existing;
end $$;

-- One message with one INSERT: what a sequential push sends once for each. The same rules and locks.
-- Returns the id of the message that already holds its (partition, transaction id), or null: stored.
create function queen.push_one(
    p_partition bigint, p_id uuid, p_transaction text, p_trace uuid, p_payload json)
returns uuid
language plpgsql volatile set enable_seqscan = off set enable_bitmapscan = off as $$
declare
    v_existing uuid;
    v_queue bigint;
    v_head bigint;
    v_created_at timestamptz;
    v_highest text;
begin
    select p.queue_id, p.head, p.last_created_at, p.highest_id into v_queue, v_head, v_created_at, v_highest
    from queen.partitions p where p.id = p_partition for no key update;
    if not found then
        raise exception 'the partition of this push does not exist' using errcode = 'QN001';
    end if;
    v_created_at := greatest(clock_timestamp(), v_created_at);

    if queen.comes_after(p_transaction, v_highest) is not true then
        select m.id into v_existing from queen.messages m
        where queen.transaction_key(m.transaction_id, m.partition_id)
                  = queen.transaction_key(p_transaction, p_partition)
          and m.transaction_id = p_transaction
          and m.partition_id + 0 = p_partition
        limit 1;
        if found then
            return v_existing;
        end if;
    end if;

    insert into queen.messages
        (id, transaction_id, queue_id, partition_id, position, trace_id, payload, created_at)
    values (p_id, p_transaction, v_queue, p_partition, v_head + 1, p_trace, p_payload, v_created_at);
    update queen.partitions p
    set head = v_head + 1, last_created_at = v_created_at, highest_id = queen.higher(p_transaction, v_highest)
    where p.id = p_partition;

    update queen.cursors c
    set available_at = (
        select least(v_created_at, clock_timestamp())
               + make_interval(secs => greatest(q.delayed_processing, q.window_buffer))
        from queen.queues q where q.id = v_queue)
    where c.partition_id = p_partition and not isfinite(c.available_at);
    return null;
end $$;
