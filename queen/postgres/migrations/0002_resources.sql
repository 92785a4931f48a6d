-- Making what push and pop lean on. Both functions run in a transaction of their own.
--
-- Creating a partition takes the queue name's advisory lock shared, registering a group takes it
-- exclusively: so each (partition, group) pair gets its cursor from whichever of the two comes later.
-- A name can be locked before its row exists, which a row lock could not do.

create function queen.queue_lock_key(p_queue text) returns bigint
language sql immutable parallel safe as $$
    select hashtextextended(p_queue, 7167)
$$;

-- Finds or makes the partitions (and queues) of the pairs (p_queue[i], p_partition[i]).
-- A queue made here takes its namespace and task from the first two dot-parts of its name.
-- Locks: advisory, shared, in name order; then inserts in name order.
create function queen.ensure_partitions(p_queue text[], p_partition text[])
returns table (queue text, partition text, partition_id bigint, partition_uuid uuid)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_queue text;
begin
    for v_queue in select name from unnest(p_queue) name group by name order by name collate "C" loop
        perform pg_advisory_xact_lock_shared(queen.queue_lock_key(v_queue));
    end loop;

    insert into queen.queues (name, namespace, task)
    select name,
           case when strpos(name, '.') > 0 then split_part(name, '.', 1) else '' end,
           split_part(name, '.', 2)
    from (select distinct name from unnest(p_queue) name) given
    order by name collate "C"
    on conflict (name) do nothing;

    insert into queen.partitions (queue_id, name)
    select distinct q.id, given.partition
    from unnest(p_queue, p_partition) as given (queue, partition)
    join queen.queues q on q.name = given.queue
    order by 1, 2
    on conflict (queue_id, name) do nothing;

    insert into queen.cursors (partition_id, group_id, position, available_at)
    select distinct p.id, g.id, 0, clock_timestamp()
    from unnest(p_queue, p_partition) as given (queue, partition)
    join queen.queues q on q.name = given.queue
    join queen.partitions p on p.queue_id = q.id and p.name = given.partition
    join queen.consumer_groups g on g.queue_name = q.name and g.active
    on conflict (partition_id, group_id) do nothing;

    return query
    select distinct q.name, p.name, p.id, p.uuid
    from unnest(p_queue, p_partition) as given (queue, partition)
    join queen.queues q on q.name = given.queue
    join queen.partitions p on p.queue_id = q.id and p.name = given.partition;
end $$;

-- Last position of the partition whose message is older than p_from; its tail when there is none.
-- created_at never decreases with the position, so this is a binary search over the primary key. It asks
-- the first message first: of a partition that begins at p_from or later, as most do, that one tells.
create function queen.position_before(p_partition bigint, p_tail bigint, p_head bigint, p_from timestamptz)
returns bigint language plpgsql stable as $$
declare
    v_low bigint := p_tail;       -- older than p_from, or the tail
    v_high bigint := p_head + 1;  -- not older, or past the end
    v_middle bigint := p_tail + 1;
    v_created_at timestamptz;
begin
    while v_high - v_low > 1 loop
        select m.created_at into v_created_at
        from queen.messages m where m.partition_id = p_partition and m.position = v_middle;
        if v_created_at < p_from then v_low := v_middle; else v_high := v_middle; end if;
        v_middle := (v_low + v_high) / 2;
    end loop;
    return v_low;
end $$;

-- Registers a group on a queue (which need not exist yet) and returns the group's id. The first
-- registration wins for ever; a group that was deleted without its subscription starts where that says.
-- p_mode: all, new, timestamp (p_from: messages from then on).
-- Locks: advisory, exclusive; then the queue's partitions by id, so that a fully consumed cursor may
-- be parked at infinity.
create function queen.register_group(p_queue text, p_group text, p_mode text, p_from timestamptz)
returns bigint language plpgsql volatile as $$
declare
    v_group queen.consumer_groups;
    v_new boolean;
begin
    select g.* into v_group from queen.consumer_groups g where g.queue_name = p_queue and g.name = p_group;
    if v_group.active then
        return v_group.id;
    end if;
    perform pg_advisory_xact_lock(queen.queue_lock_key(p_queue));
    perform from queen.partitions p
    join queen.queues q on q.id = p.queue_id
    where q.name = p_queue
    order by p.id
    for no key update of p;

    insert into queen.consumer_groups (queue_name, name, subscription_mode, subscription_from)
    values (p_queue, p_group, p_mode, case when p_mode = 'new' then clock_timestamp() else p_from end)
    on conflict (queue_name, name) do nothing;
    v_new := found;
    select g.* into v_group from queen.consumer_groups g where g.queue_name = p_queue and g.name = p_group;
    if not v_new and v_group.active then
        return v_group.id;
    end if;
    update queen.consumer_groups g set active = true where g.id = v_group.id and not g.active;

    insert into queen.cursors (partition_id, group_id, position, available_at)
    select start.id, v_group.id, start.position,
           case when start.head > start.position then clock_timestamp() else 'infinity' end
    from (
        select p.id, p.head,
               case
                   when v_group.subscription_mode = 'all' then p.tail
                   when v_new and p_mode = 'new' then p.head
                   else queen.position_before(p.id, p.tail, p.head, v_group.subscription_from)
               end as position
        from queen.partitions p join queen.queues q on q.id = p.queue_id
        where q.name = p_queue
    ) start
    order by start.id;
    return v_group.id;
end $$;
