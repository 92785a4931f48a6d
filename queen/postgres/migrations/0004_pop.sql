-- Pop: claim partitions of a group, read their next messages, lease them (or commit them: auto-ack).
--
-- Never waits while it holds something: candidates are taken with SKIP LOCKED, and parking a drained
-- cursor at infinity only tries the partition's lock. A pop for one named partition waits for its
-- cursor, as the first thing it does.
--
-- One plan for every call (the settings of the functions): the planner, left to itself, plans the read of the
-- messages anew for each range of positions, which takes longer than reading them, and on a table without
-- statistics it may scan or sort a backlog. They hold inside the function only: no session state.

-- Sets a drained cursor's available_at to infinity, if the partition's lock is free and head, read
-- again under it, is still consumed. Otherwise leaves it: a later pop will try again.
create function queen.park_cursor(p_partition bigint, p_group bigint) returns void
language plpgsql volatile as $$
begin
    perform from queen.partitions where id = p_partition for no key update skip locked;
    if found then
        update queen.cursors c set available_at = 'infinity'
        from queen.partitions p
        where c.partition_id = p_partition and c.group_id = p_group and p.id = c.partition_id
          and p.head <= greatest(c.position, p.tail);
    end if;
end $$;

-- p_group: id of the registered group, p_group_name its name. p_partition: that partition only; null: any of
-- the group's. p_batch: most messages over all partitions. p_partitions: most partitions claimed.
-- p_lease: the lease's id; null: auto-ack, the position moves at once and nothing is leased.
-- p_wait: a named partition that another pop holds is waited for; false: it counts as blocked. Several pops
-- may share a transaction when none of them waits.
-- Returns a row for each partition claimed: how many messages, and the messages themselves in order, as the
-- objects of the contract's answer in JSON, with commas in between. Their fields are those of
-- queen/api/pop.py (MessageOut), and a test holds one against the other. The text of a payload is what came
-- in. What is the same for all messages of the partition ends each of them; `messages` lacks it after the
-- last one: `closing`.
-- When nothing was claimed, one row with partition_uuid null: next_in_ms is how long until a look may find
-- something (null: only a push can help), and blocked_partition a partition that may have messages but was
-- locked by another pop, or 0 when the look-up was cut short: call again. `gone` is 'partition' when the named
-- partition does not exist (any more), 'group' when the group does not.
create function queen.pop(
    p_group bigint, p_group_name text, p_partition bigint, p_batch integer, p_partitions integer,
    p_lease uuid, p_wait boolean)
returns table (
    partition_uuid uuid, partition_name text, read integer, messages text, closing text,
    next_in_ms double precision, blocked_partition bigint, gone text)
language plpgsql volatile
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
#variable_conflict use_column
declare
    c_visits constant integer := 64;  -- cursors looked at in one call
    -- A cursor goes to the end of the line when it has been first for so long. Before that its available_at
    -- stays as it is, and with it every index entry of the cursor (a HOT update).
    c_turn constant interval := '10 ms';
    v_now timestamptz;
    v_partition bigint;
    v record;        -- the cursor in hand, its partition and the options of its queue
    v_from bigint;   -- last position before the batch
    v_until bigint;  -- last position of the batch
    v_due timestamptz;
    v_next timestamptz;  -- the earliest due time found: it may have come when the look is at its end
    v_expired integer;
    v_left integer := p_batch;
    v_claimed integer := 0;
    v_visits integer := 0;
    v_seen bigint[] := '{}';
    v_held boolean;  -- the partition's lock
begin
    while v_left > 0 and v_claimed < p_partitions and v_visits < c_visits loop
        v_visits := v_visits + 1;
        v_now := clock_timestamp();
        if p_partition is null then
            select c.partition_id into v_partition from queen.cursors c
            where c.group_id = p_group and c.available_at <= v_now and c.partition_id <> all (v_seen)
            order by c.available_at
            limit 1
            for update skip locked;
        elsif p_wait then
            select c.partition_id into v_partition from queen.cursors c
            where c.group_id = p_group and c.partition_id = p_partition and c.partition_id <> all (v_seen)
            for update;
        else
            select c.partition_id into v_partition from queen.cursors c
            where c.group_id = p_group and c.partition_id = p_partition and c.partition_id <> all (v_seen)
            for update skip locked;
        end if;
        exit when not found;
        v_seen := v_seen || v_partition;

        -- A later statement than the lock: head is at least what the last holder saw.
        select c.position, c.available_at, c.lease_id, c.attempts, c.attempts_position, c.expired_leases,
               p.uuid, p.name, p.head, p.tail, p.last_created_at,
               q.lease_time, q.delayed_processing, q.window_buffer
        into v
        from queen.cursors c
        join queen.partitions p on p.id = c.partition_id
        join queen.queues q on q.id = p.queue_id
        where c.partition_id = v_partition and c.group_id = p_group;
        if p_partition is not null then
            v_now := clock_timestamp();  -- the lock may have been waited for
            exit when v.available_at > v_now;
        end if;

        v_from := greatest(v.position, v.tail);
        v_until := least(v.head, v_from + v_left);
        v_due := null;
        if v_until > v_from and v.window_buffer > 0
                and v.last_created_at + make_interval(secs => v.window_buffer) > v_now then
            v_due := v.last_created_at + make_interval(secs => v.window_buffer);
        elsif v_until > v_from and v.delayed_processing > 0 then
            select max(m.position),
                   min(m.created_at) filter (where m.position = v_from + 1)
                       + make_interval(secs => v.delayed_processing)
            into v_until, v_due
            from queen.messages m
            where m.partition_id = v_partition and m.position > v_from and m.position <= v_until
              and (m.created_at <= v_now - make_interval(secs => v.delayed_processing)
                   or m.position = v_from + 1);
            if v_due <= v_now then
                v_due := null;
            end if;
        end if;
        if v_due is not null then
            v_next := least(v_next, v_due);
            update queen.cursors c set available_at = v_due
            where c.partition_id = v_partition and c.group_id = p_group;
            continue;
        end if;
        if v_until <= v_from then
            perform queen.park_cursor(v_partition, p_group);
            continue;
        end if;

        -- A lease that is still here although the cursor is available has run out.
        v_expired := v.expired_leases + (v.lease_id is not null)::integer;
        partition_uuid := v.uuid;
        partition_name := v.name;
        closing := ',"producerSub":null,"partitionId":"' || v.uuid || '","partition":' || to_json(v.name)
            || ',"leaseId":"' || coalesce(p_lease::text, '') || '","consumerGroup":' || to_json(p_group_name)
            || ',"leaseExpiries":' || v_expired || '}';
        select count(*),
               string_agg(
                   '{"id":"' || m.id || '","transactionId":' || to_json(m.transaction_id)
                   || ',"traceId":' || coalesce('"' || m.trace_id || '"', 'null')
                   || ',"createdAt":"'
                   || to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                   || '","retryCount":'
                   || case when m.position = v.attempts_position then v.attempts else 0 end
                   || ',"data":' || m.payload,
                   closing || ',')
        into read, messages
        from (
            select m.* from queen.messages m
            where m.partition_id = v_partition and m.position > v_from and m.position <= v_until
            order by m.position
            limit v_left
        ) m;
        if read = 0 then
            -- They were deleted (0007_retention.sql) after tail had been read: look at this cursor again.
            v_seen := trim_array(v_seen, 1);
            continue;
        end if;
        if p_lease is null then
            v_held := false;
            if v_until = v.head then
                perform from queen.partitions where id = v_partition for no key update skip locked;
                v_held := found;
            end if;
            update queen.cursors c
            set position = v_until, lease_id = null, lease_expires_at = null,
                lease_end = null, attempts = 0, attempts_position = null, expired_leases = 0,
                consumed = c.consumed + read, last_consumed_at = v_now,
                available_at = case
                    when v_held
                         and v_until = (select p.head from queen.partitions p where p.id = v_partition)
                        then 'infinity'
                    when v_now - v.available_at > c_turn then v_now
                    else v.available_at end
            where c.partition_id = v_partition and c.group_id = p_group;
        else
            update queen.cursors c
            set available_at = v_now + make_interval(secs => v.lease_time), lease_id = p_lease,
                lease_expires_at = v_now + make_interval(secs => v.lease_time), lease_start = v_from,
                lease_end = v_until, expired_leases = v_expired
            where c.partition_id = v_partition and c.group_id = p_group;
        end if;
        v_claimed := v_claimed + 1;
        v_left := v_left - read;
        return next;
    end loop;

    if v_claimed > 0 then
        return;
    end if;
    select case
               when not exists (select from queen.consumer_groups g where g.id = p_group and g.active)
                   then 'group'
               when p_partition is not null
                    and not exists (select from queen.partitions p where p.id = p_partition) then 'partition'
           end,
           case when p_partition is null then (
               select c.partition_id from queen.cursors c
               where c.group_id = p_group and c.available_at <= v_now and c.partition_id <> all (v_seen)
               order by c.available_at
               limit 1)
           else (
               select c.partition_id from queen.cursors c
               where c.group_id = p_group and c.partition_id = p_partition and c.available_at <= v_now
                 and c.partition_id <> all (v_seen))
           end,
           case when p_partition is null then (
               select min(c.available_at) from queen.cursors c
               where c.group_id = p_group and c.available_at > v_now)
           else (
               select c.available_at from queen.cursors c
               where c.group_id = p_group and c.partition_id = p_partition and c.available_at > v_now)
           end
    into gone, blocked_partition, v_due;
    if v_visits >= c_visits and blocked_partition is not null then
        blocked_partition := 0;
    end if;
    v_due := least(v_next, nullif(v_due, 'infinity'));
    next_in_ms := extract(epoch from v_due - clock_timestamp()) * 1000;
    partition_uuid := null;
    return next;
end $$;
