-- Moving groups, and deleting groups and queues. What is gone is made anew by whoever needs it next.

-- Moves a group to the end of its partitions (p_to null) or behind the last message that is not younger
-- than p_to: the next delivery is the one after. A lease on them ends. p_partition null: all of the queue.
-- Returns a row for each partition of the queue that the group reads.
-- Locks: advisory, exclusive, so that no partition comes in between; partitions by id; then the group's
-- cursors of those by partition.
create function queen.seek(p_queue text, p_group text, p_partition text, p_to timestamptz)
returns table (partition text, moved_to bigint)
language plpgsql volatile as $$
#variable_conflict use_column
begin
    perform pg_advisory_xact_lock(queen.queue_lock_key(p_queue));
    perform from queen.partitions p
    join queen.queues q on q.id = p.queue_id
    where q.name = p_queue and (p_partition is null or p.name = p_partition)
    order by p.id
    for no key update of p;

    perform from queen.cursors c
    join queen.consumer_groups g on g.id = c.group_id and g.queue_name = p_queue and g.name = p_group
    join queen.partitions p on p.id = c.partition_id
    where p_partition is null or p.name = p_partition
    order by c.partition_id
    for update of c;

    return query
    with target as (
        select p.id, p.name, p.head, p.tail,
               case when p_to is null then p.head
                    else queen.position_before(p.id, p.tail, p.head, p_to + interval '1 microsecond')
               end as position
        from queen.partitions p join queen.queues q on q.id = p.queue_id
        where q.name = p_queue and (p_partition is null or p.name = p_partition)
    )
    update queen.cursors c
    set position = target.position,
        available_at = case when target.head > greatest(target.position, target.tail)
                            then clock_timestamp() else 'infinity' end,
        lease_id = null, lease_expires_at = null, lease_end = null,
        attempts = case when c.position = target.position then c.attempts else 0 end,
        attempts_position = case when c.position = target.position then c.attempts_position end,
        expired_leases = case when c.position = target.position then c.expired_leases else 0 end
    from target, queen.consumer_groups g
    where c.partition_id = target.id and g.queue_name = p_queue and g.name = p_group and c.group_id = g.id
    returning target.name, target.position;
end $$;

-- Locks what changes with the cursors of these queues: partitions by id, then cursors by (partition, group).
-- The queues' advisory locks are held already, so none of either comes in between.
create function queen.lock_cursors_of(p_queues text[]) returns void
language plpgsql volatile as $$
begin
    perform from queen.partitions p
    join queen.queues q on q.id = p.queue_id
    where q.name = any (p_queues)
    order by p.id
    for no key update of p;
    perform from queen.cursors c
    join queen.partitions p on p.id = c.partition_id
    join queen.queues q on q.id = p.queue_id
    where q.name = any (p_queues)
    order by c.partition_id, c.group_id
    for update of c;
end $$;

-- Deletes a group's progress on a queue, or on all that it reads now (p_queue null). p_subscription: also where
-- it starts; otherwise it starts there again when it comes back. Returns a row for each queue on which it was
-- registered: on how many partitions it had progress.
-- Locks: advisory, exclusive, in name order; then as queen.lock_cursors_of.
create function queen.delete_group(p_group text, p_queue text, p_subscription boolean)
returns table (queue text, partitions bigint)
language plpgsql volatile as $$
declare
    v_queues constant text[] := array(
        select g.queue_name from queen.consumer_groups g
        where g.name = p_group and p_queue is null
        union all select p_queue where p_queue is not null);
    v_queue text;
begin
    for v_queue in select name from unnest(v_queues) name order by name collate "C" loop
        perform pg_advisory_xact_lock(queen.queue_lock_key(v_queue));
    end loop;
    perform queen.lock_cursors_of(v_queues);
    return query
    select g.queue_name, count(c.partition_id)
    from queen.consumer_groups g left join queen.cursors c on c.group_id = g.id
    where g.name = p_group and g.queue_name = any (v_queues)
    group by g.queue_name;
    if p_subscription then
        delete from queen.consumer_groups g where g.name = p_group and g.queue_name = any (v_queues);
    else
        delete from queen.cursors c
        using queen.consumer_groups g
        where g.id = c.group_id and g.name = p_group and g.queue_name = any (v_queues);
        update queen.consumer_groups g set active = false
        where g.name = p_group and g.queue_name = any (v_queues);
    end if;
end $$;

-- Deletes a queue with all that belongs to it: partitions, messages, dead letters, groups and what they
-- subscribed to. Returns whether there was one.
-- Locks: advisory, exclusive; then as queen.lock_cursors_of.
create function queen.delete_queue(p_queue text) returns boolean
language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock(queen.queue_lock_key(p_queue));
    perform queen.lock_cursors_of(array[p_queue]);
    delete from queen.consumer_groups g where g.queue_name = p_queue;
    delete from queen.queues q where q.name = p_queue;
    return found;
end $$;
