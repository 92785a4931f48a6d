-- Push: all items or none, duplicates are not errors.
--
-- Lock and look-up never share a snapshot. In READ COMMITTED a statement's snapshot is older than the
-- lock it waits for, so the duplicates of a push that has just committed would be missed: statement 1
-- takes the locks, statement 2 looks up, numbers the survivors and inserts.
--
-- Returns only what was not stored: the item's number (from 1, in the given order) and the id of the
-- message that already holds its (partition, transaction id). Of equal items in one call the first wins.
-- Raises QN001 when a partition does not exist (any more): nothing is stored then.
-- Locks: partitions by id; the cursors of idle groups of those partitions.
create function queen.push(
    p_partition bigint[], p_id uuid[], p_transaction text[], p_trace uuid[], p_payload json[])
returns table (item bigint, existing uuid)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_locked bigint;
begin
    select count(*) into v_locked
    from (select from queen.partitions where id = any (p_partition) order by id for no key update) locked;
    if v_locked <> (select count(distinct wanted) from unnest(p_partition) wanted) then
        raise exception 'a partition of this push does not exist' using errcode = 'QN001';
    end if;

    return query
    with given as (
        select g.*,
               first_value(g.id) over same as first_id,
               row_number() over same as repeat
        from unnest(p_partition, p_id, p_transaction, p_trace, p_payload)
             with ordinality as g (partition_id, id, transaction_id, trace_id, payload, item)
        window same as (partition by g.partition_id, g.transaction_id order by g.item)
    ),
    judged as materialized (
        select given.*, coalesce(stored.id, case when given.repeat > 1 then given.first_id end) as existing
        from given
        -- LIMIT keeps this a probe of the hash index for each item, whatever the statistics say; "+ 0"
        -- keeps the primary key out of the planner's reach (on a fresh table it would scan a partition).
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
    set available_at = clock_timestamp()
                       + make_interval(secs => greatest(q.delayed_processing, q.window_buffer))
    from queen.partitions p join queen.queues q on q.id = p.queue_id
    where c.partition_id = any (p_partition) and c.available_at = 'infinity' and p.id = c.partition_id;
end $$;
