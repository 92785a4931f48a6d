-- Retention and eviction: old messages go, as prefixes of their partitions, and tail moves along.
--
-- Two kinds of sweep, each for the queues that ask for it ("old": by the database's clock and created_at):
--   retention  with retention_enabled: what is older than retention_seconds, consumed or not; and what is
--              older than completed_retention_seconds and consumed by every group (no group: nothing is)
--   eviction   what is older than max_wait_time_seconds, as soon as a group (or nobody at all) still waits
--              for any of it; a prefix that every group has consumed is left to retention
-- A group that reads a queue has a cursor in each of its partitions (0002_resources.sql), so the cursors of
-- a partition are its groups. Dead letters are copies, and stay. A cursor behind the tail needs no care:
-- whoever reads on starts at greatest(position, tail).

-- Last position of the partition that has to go; its tail when none has.
-- Right only under the partition's lock, taken in an earlier statement: then the tail stands still, and the
-- cursors can move forward but not back (a seek needs that lock).
create function queen.prefix_to_delete(p_kind text, p_partition bigint) returns bigint
language plpgsql stable as $$
declare
    v_now constant timestamptz := clock_timestamp();
    v_part queen.partitions;
    v_queue queen.queues;
    v_done bigint;  -- every group has consumed up to here; null: there is none
    v_last bigint;
begin
    select p.* into v_part from queen.partitions p where p.id = p_partition;
    select q.* into v_queue from queen.queues q where q.id = v_part.queue_id;
    select min(c.position) into v_done from queen.cursors c where c.partition_id = p_partition;
    v_last := v_part.tail;
    if p_kind = 'eviction' and v_queue.max_wait_time_seconds > 0 then
        v_last := queen.position_before(p_partition, v_part.tail, v_part.head,
                                        v_now - make_interval(secs => v_queue.max_wait_time_seconds));
        if v_done >= v_last then
            v_last := v_part.tail;
        end if;
    elsif p_kind = 'retention' and v_queue.retention_enabled then
        if v_queue.retention_seconds > 0 then
            v_last := queen.position_before(p_partition, v_part.tail, v_part.head,
                                            v_now - make_interval(secs => v_queue.retention_seconds));
        end if;
        if v_queue.completed_retention_seconds > 0 and v_done > v_last then
            v_last := least(v_done, queen.position_before(
                p_partition, v_last, v_part.head,
                v_now - make_interval(secs => v_queue.completed_retention_seconds)));
        end if;
    end if;
    return v_last;
end $$;

-- Of a partition that is empty now, under its lock: cursors that nobody holds have nothing to find any more.
-- Pops need not find that out one partition after the other.
create function queen.park_free_cursors(p_partition bigint) returns void
language plpgsql volatile as $$
begin
    update queen.cursors c set available_at = 'infinity'
    from queen.partitions p
    where p.id = p_partition and p.head = p.tail and c.partition_id = p.id
      and c.group_id in (
          select free.group_id from queen.cursors free
          where free.partition_id = p_partition and free.lease_id is null and free.available_at < 'infinity'
          for update skip locked);
end $$;

-- One step of a sweep: goes through the partitions behind p_after in id order, and deletes at most p_most
-- messages. Returns how many, and the partition behind which the next step goes on: null when all were seen,
-- or when another process is at work on the same kind.
--
-- Locks: an advisory one, tried, so that one process works at a time; then partitions by id, each until the
-- step ends, and only where there is something to delete. It waits for a partition only while it holds none:
-- one that is taken ends the step, and is the first of the next one. So a push waits for one step at most,
-- and never for whom the step waits for. Then, of a partition that is empty now, cursors that nobody holds.
-- Index: primary keys; of messages one probe a partition tells whether there is something to delete. No plan
-- may depend on statistics: LATERAL with LIMIT keeps it a probe, and tables are not scanned. (Where there is
-- no other way than a scan, PostgreSQL 15 thinks it so expensive that it is worth compiling: no jit.)
create function queen.delete_prefixes(p_kind text, p_after bigint, p_most integer)
returns table (deleted bigint, reached bigint)
language plpgsql volatile set enable_seqscan = off set jit = off as $$
declare
    c_seen constant integer := 1000;  -- partitions looked at in one step, without a lock
    c_held constant integer := 25;    -- partitions locked in one step
    v_now constant timestamptz := clock_timestamp();
    v_queues bigint[];
    v_page bigint[];                  -- the partitions looked at
    v_due bigint[];                   -- those of them that have something to delete
    v_next bigint;                    -- null: nothing is left behind those looked at
    v_partition bigint;
    v_previous bigint := p_after;
    v_tail bigint;
    v_last bigint;
    v_until bigint;
    v_holds boolean := false;
    v_deleted bigint := 0;
begin
    if not pg_try_advisory_xact_lock(hashtextextended(p_kind, 7168)) then
        return query select 0::bigint, null::bigint;
        return;
    end if;
    v_queues := array(
        select q.id from queen.queues q
        where case p_kind
            when 'eviction' then q.max_wait_time_seconds > 0
            else q.retention_enabled and (q.retention_seconds > 0 or q.completed_retention_seconds > 0)
            end);
    if cardinality(v_queues) = 0 then
        return query select 0::bigint, null::bigint;
        return;
    end if;

    v_page := array(
        select p.id from queen.partitions p
        where p.id > p_after and p.queue_id = any ((select v_queues)::bigint[])
        order by p.id
        limit c_seen);
    v_next := v_page[c_seen];
    -- One message tells: the first one of all, or for an eviction the first one that somebody still waits for.
    v_due := array(
        select p.id
        from queen.partitions p
        cross join lateral (select * from queen.queues q where q.id = p.queue_id limit 1) q
        cross join lateral (
            select min(c.position) as done from queen.cursors c where c.partition_id = p.id
        ) groups
        cross join lateral (
            select m.created_at from queen.messages m
            where m.partition_id = p.id
              and m.position = 1 + greatest(p.tail, case when p_kind = 'eviction' then groups.done end)
            limit 1
        ) first
        where p.id = any ((select v_page)::bigint[]) and case
            when p_kind = 'eviction' then
                first.created_at < v_now - make_interval(secs => q.max_wait_time_seconds)
            else
                q.retention_seconds > 0
                and first.created_at < v_now - make_interval(secs => q.retention_seconds)
                or q.completed_retention_seconds > 0 and groups.done > p.tail
                and first.created_at < v_now - make_interval(secs => q.completed_retention_seconds)
            end
        order by p.id
        limit c_held);
    v_next := coalesce(v_due[c_held], v_next);

    foreach v_partition in array v_due loop
        if v_deleted >= p_most then
            v_next := v_previous;
            exit;
        elsif v_holds then
            select p.tail into v_tail from queen.partitions p
            where p.id = v_partition for no key update skip locked;
            if not found then
                v_next := v_previous;
                exit;
            end if;
        else
            select p.tail into v_tail from queen.partitions p where p.id = v_partition for no key update;
            continue when not found;  -- its queue was deleted
        end if;
        v_holds := true;

        v_last := queen.prefix_to_delete(p_kind, v_partition);
        v_until := least(v_last, v_tail + p_most - v_deleted);
        if v_until > v_tail then
            delete from queen.messages m
            where m.partition_id = v_partition and m.position > v_tail and m.position <= v_until;
            update queen.partitions p set tail = v_until where p.id = v_partition;
            v_deleted := v_deleted + v_until - v_tail;
            perform queen.park_free_cursors(v_partition);
        end if;
        if v_until < v_last then
            v_next := v_previous;
            exit;
        end if;
        v_previous := v_partition;
    end loop;
    return query select v_deleted, v_next;
end $$;
