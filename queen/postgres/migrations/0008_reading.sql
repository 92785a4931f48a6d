-- Reading: what the numbers of the lists and totals mean, stated once. Nothing here takes a lock, and
-- nothing counts messages: positions are without gaps, so a range of them is a number of messages.
--
-- A (partition, group) has two boundaries; tail <= reached <= leased <= head:
--   reached  the group is done with everything up to here: greatest(position, tail)
--   leased   what a live lease handed out ends here; without one it is `reached`. Of that, the lease once
--            `handed_out` so many messages, and so many were `acknowledged` since
-- and so
--   total       head - tail       messages that are still there
--   completed   tail .. reached   without those that became a dead letter of this group
--   processing  reached .. leased
--   pending     leased .. head
--   unread      reached .. head   processing and pending
-- A failed message is pending again: none is counted as failed. A dead letter is a row of its own that
-- outlives its message: dead_letter counts those rows, of all groups, and is no part of the total.

-- One row for each partition and active group that reads it.
create view queen.group_progress as
select p.queue_id, c.partition_id, c.group_id, g.name as consumer_group,
       g.name = '__QUEUE_MODE__' as queue_mode,
       p.tail, p.head, state.reached,
       case when state.live then greatest(state.reached, c.lease_end) else state.reached end as leased,
       case when state.live then c.lease_id end as lease_id,
       case when state.live then c.lease_expires_at end as lease_expires_at,
       case when state.live then c.lease_end - c.lease_start else 0 end as handed_out,
       case when state.live then greatest(c.position - c.lease_start, 0) else 0 end as acknowledged,
       c.attempts, c.attempts_position, c.consumed, c.last_consumed_at
from queen.cursors c
join queen.partitions p on p.id = c.partition_id
join queen.consumer_groups g on g.id = c.group_id and g.active
cross join lateral (
    select greatest(c.position, p.tail) as reached, coalesce(c.lease_expires_at > now(), false) as live
) state;

-- One row for each partition, by its reference group: queue mode where it is registered, else the group that
-- lags most in this partition; without any group everything is pending.
-- Index: cursors by primary key.
create view queen.partition_progress as
select p.id as partition_id, p.queue_id, p.uuid, p.name, p.created_at, p.last_created_at, p.tail, p.head,
       at.reached, at.leased, r.lease_expires_at, r.attempts, r.attempts_position,
       p.head - p.tail as total,
       p.head - at.leased as pending,
       at.leased - at.reached as processing,
       at.reached - p.tail - (
           select count(distinct d.position) from queen.dead_letters d
           where d.partition_id = p.id and d.position > p.tail and d.position <= at.reached
             and d.consumer_group = r.consumer_group) as completed,
       (select count(*) from queen.dead_letters d where d.partition_id = p.id) as dead_letter
from queen.partitions p
left join lateral (
    select g.* from queen.group_progress g
    where g.partition_id = p.id
    order by g.queue_mode desc, g.reached, g.leased, g.group_id
    limit 1
) r on true
cross join lateral (
    select coalesce(r.reached, p.tail) as reached, coalesce(r.leased, p.tail) as leased
) at;

-- What a message at p_position is to a group with these boundaries; null without any.
create function queen.status_at(p_position bigint, p_reached bigint, p_leased bigint) returns text
language sql immutable parallel safe as $$
    select case when p_position <= p_reached then 'completed'
                when p_position <= p_leased then 'processing'
                when p_position > p_leased then 'pending' end
$$;

-- For each partition in scope (null: any), the positions behind low and up to high whose messages have the
-- status (null, dead_letter: any) and were pushed from p_from to p_to (null: now), both inclusive; only
-- ranges that are not empty. Those of a status still hold dead letters, which have a status of their own.
create function queen.message_ranges(
    p_queue text, p_partition text, p_namespace text, p_task text, p_status text,
    p_from timestamptz, p_to timestamptz)
returns table (partition_id bigint, low bigint, high bigint)
language sql stable as $$
    with chosen as (
        select p.id,
               case p_status when 'pending' then s.leased when 'processing' then s.reached
                             else p.tail end as low,
               case p_status when 'completed' then s.reached when 'processing' then s.leased
                             else p.head end as high
        from queen.queues q
        join queen.partitions p on p.queue_id = q.id
        left join lateral (
            select progress.reached, progress.leased from queen.partition_progress progress
            where progress.partition_id = p.id and p_status in ('pending', 'processing', 'completed')
            limit 1
        ) s on true
        where (p_queue is null or q.name = p_queue)
          and (p_namespace is null or q.namespace = p_namespace)
          and (p_task is null or q.task = p_task)
          and (p_partition is null or p.name = p_partition)
          and p.last_created_at >= p_from
    ),
    since as materialized (
        select c.id, queen.position_before(c.id, c.low, c.high, p_from) as low, c.high from chosen c
    ),
    until as materialized (
        select s.id, s.low,
               case when p_to is null then s.high
                    else queen.position_before(s.id, s.low, s.high, p_to + interval '1 microsecond') end as high
        from since s where s.low < s.high
    )
    select u.id, u.low, u.high from until u where u.low < u.high
$$;

-- The p_count newest messages of these ranges, newest first; with a status without dead letters, or only
-- those. Within a partition the order by time is that by position, so this is a merge of sorted ranges that
-- reads little of them: a step takes the next messages of each range that may still hold some of the newest.
-- All that was read of such a range is among the newest so far, so doubling what is read of it reads at most
-- p_count more: p_count * log2(p_count) messages in all, and one of each range.
-- Index: messages by primary key, backwards; dead letters by (partition, position).
create function queen.newest_messages(
    p_partition bigint[], p_low bigint[], p_high bigint[], p_status text, p_count integer)
returns table (created_at timestamptz, partition_id bigint, "position" bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    v_open bigint[] := p_partition;  -- ranges that may still hold some of the newest
    v_low bigint[] := p_low;
    v_high bigint[] := p_high;       -- up to here they were not read yet
    v_step bigint := 1 + p_count / greatest(cardinality(p_partition), 1);
    v_created_at timestamptz[] := '{}';  -- the newest so far, newest first
    v_partition bigint[] := '{}';
    v_position bigint[] := '{}';
begin
    if p_status = 'dead_letter' then
        return query
        select distinct d.created_at, d.partition_id, d.position
        from unnest(p_partition, p_low, p_high) as range (partition_id, low, high)
        join queen.dead_letters d
            on d.partition_id = range.partition_id and d.position > range.low and d.position <= range.high
        order by 1 desc, 2 desc, 3 desc
        limit p_count;
        return;
    end if;

    while cardinality(v_open) > 0 loop
        select array_agg(best.created_at), array_agg(best.partition_id), array_agg(best.position)
        into v_created_at, v_partition, v_position
        from (
            select * from unnest(v_created_at, v_partition, v_position) as kept (created_at, partition_id, "position")
            union all
            select m.created_at, m.partition_id, m.position
            from unnest(v_open, v_low, v_high) as range (partition_id, low, high)
            cross join lateral (
                select m.created_at, m.partition_id, m.position from queen.messages m
                where m.partition_id = range.partition_id
                  and m.position > greatest(range.low, range.high - v_step) and m.position <= range.high
                order by m.position desc
                limit v_step
            ) m
            where p_status is null
               or not exists (select from queen.dead_letters d
                              where d.partition_id = m.partition_id and d.position = m.position)
            order by created_at desc, partition_id desc, "position" desc
            limit p_count
        ) best;

        -- A range stays open while the oldest message read of it would be among them.
        select coalesce(array_agg(range.partition_id), '{}'), array_agg(range.low),
               array_agg(range.high - v_step)
        into v_open, v_low, v_high
        from unnest(v_open, v_low, v_high) as range (partition_id, low, high)
        cross join lateral (
            select m.created_at, m.partition_id, m.position from queen.messages m
            where m.partition_id = range.partition_id and m.position = range.high - v_step + 1
            limit 1
        ) oldest
        where range.high - v_step > range.low
          and (coalesce(cardinality(v_position), 0) < p_count
               or (oldest.created_at, oldest.partition_id, oldest.position)
                   > (v_created_at[p_count], v_partition[p_count], v_position[p_count]));
        v_step := v_step * 2;
    end loop;
    return query select * from unnest(v_created_at, v_partition, v_position);
end $$;

-- Each message with its status: dead_letter when it became one for any group, else what it is to the
-- reference group of its partition; and beside it what it is to queue mode and to the named groups.
create view queen.message_progress as
select m.partition_id, m.position, m.id, m.transaction_id, m.trace_id, m.payload, m.created_at,
       p.uuid as partition_uuid, q.name as queue, p.name as partition, q.namespace, q.task, q.priority,
       case when dead.letter then 'dead_letter' else of_reference.status end as status,
       groups.queue_status, groups.consumed_by, groups.named_groups,
       case when of_reference.status = 'processing' and not dead.letter then p.lease_expires_at
       end as lease_expires_at,
       case when p.attempts_position = m.position then p.attempts else 0 end as attempts
from queen.messages m
join queen.partition_progress p on p.partition_id = m.partition_id
join queen.queues q on q.id = p.queue_id
cross join lateral (
    select exists (select from queen.dead_letters d
                   where d.partition_id = m.partition_id and d.position = m.position) as letter
) dead
cross join lateral (select queen.status_at(m.position, p.reached, p.leased) as status) of_reference
cross join lateral (
    select max(queen.status_at(m.position, g.reached, g.leased)) filter (where g.queue_mode) as queue_status,
           count(*) filter (where not g.queue_mode and m.position <= g.reached) as consumed_by,
           count(*) filter (where not g.queue_mode) as named_groups
    from queen.group_progress g where g.partition_id = m.partition_id
) groups;

-- For people: what became of each message, a row for each group that reads its queue.
create view queen.message_status as
select m.id, m.transaction_id, q.name as queue, p.name as partition, m.position, m.created_at, g.consumer_group,
       case when exists (select from queen.dead_letters d
                         where d.partition_id = m.partition_id and d.position = m.position
                           and d.consumer_group = g.consumer_group) then 'dead_letter'
            else coalesce(queen.status_at(m.position, g.reached, g.leased), 'pending') end as status
from queen.messages m
join queen.partitions p on p.id = m.partition_id
join queen.queues q on q.id = p.queue_id
left join queen.group_progress g on g.partition_id = m.partition_id;
