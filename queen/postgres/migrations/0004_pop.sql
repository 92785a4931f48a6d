-- Pop: claim partitions of a group, read their next messages, lease them (or commit them: auto-ack).
--
-- Never waits while it holds something: candidates are taken with SKIP LOCKED, and parking a drained
-- cursor at infinity only tries the partition's lock. A pop for one named partition waits for its
-- cursor, as the first thing it does.

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

-- p_group: id of the registered group. p_partition: that partition only; null: any of the group's.
-- p_batch: most messages over all partitions. p_partitions: most partitions claimed.
-- p_lease: the lease's id; null: auto-ack, the position moves at once and nothing is leased.
-- Returns the messages, grouped by partition, in order; then one last row with id null: next_in_ms is
-- how long until a look may find something (null: only a push can help), and blocked_partition a partition
-- that may have messages but was locked by another pop, or 0 when the look-up was cut short: call again.
-- Raises QN001 when the named partition does not exist (any more), QN002 when the group does not.
create function queen.pop(
    p_group bigint, p_partition bigint, p_batch integer, p_partitions integer, p_lease uuid)
returns table (
    partition_uuid uuid, partition_name text, id uuid, transaction_id text, trace_id uuid, payload json,
    created_at timestamptz, retry_count integer, expired_leases integer,
    next_in_ms double precision, blocked_partition bigint)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    c_visits constant integer := 64;  -- cursors looked at in one call
    v_now timestamptz;
    v_cursor queen.cursors;
    v_part record;
    v_from bigint;   -- last position before the batch
    v_until bigint;  -- last position of the batch
    v_due timestamptz;
    v_next timestamptz;  -- the earliest due time found: it may have come when the look is at its end
    v_expired integer;
    v_read integer;  -- messages found in the batch
    v_left integer := p_batch;
    v_claimed integer := 0;
    v_visits integer := 0;
    v_seen bigint[] := '{}';
    v_blocked bigint;
begin
    while v_left > 0 and v_claimed < p_partitions and v_visits < c_visits loop
        v_visits := v_visits + 1;
        v_now := clock_timestamp();
        if p_partition is null then
            select c.* into v_cursor from queen.cursors c
            where c.group_id = p_group and c.available_at <= v_now and c.partition_id <> all (v_seen)
            order by c.available_at
            limit 1
            for update skip locked;
        else
            select c.* into v_cursor from queen.cursors c
            where c.group_id = p_group and c.partition_id = p_partition and c.partition_id <> all (v_seen)
            for update;
            if not found and cardinality(v_seen) = 0
                    and not exists (select from queen.partitions p where p.id = p_partition) then
                raise exception 'the partition of this pop does not exist' using errcode = 'QN001';
            end if;
            -- The lock may have been waited for: judge by the clock of now.
            v_now := clock_timestamp();
            exit when not found or v_cursor.available_at > v_now;
        end if;
        exit when not found;
        v_seen := v_seen || v_cursor.partition_id;

        -- A later statement than the lock: head is at least what the last holder saw.
        select p.uuid, p.name, p.head, p.tail, p.last_created_at,
               make_interval(secs => q.lease_time) as lease_time,
               make_interval(secs => q.delayed_processing) as delay,
               make_interval(secs => q.window_buffer) as quiet
        into v_part
        from queen.partitions p join queen.queues q on q.id = p.queue_id
        where p.id = v_cursor.partition_id;

        v_from := greatest(v_cursor.position, v_part.tail);
        v_until := least(v_part.head, v_from + v_left);
        v_due := null;
        if v_until > v_from and v_part.quiet > interval '0' and v_part.last_created_at + v_part.quiet > v_now then
            v_due := v_part.last_created_at + v_part.quiet;
        elsif v_until > v_from and v_part.delay > interval '0' then
            select max(m.position), min(m.created_at) filter (where m.position = v_from + 1) + v_part.delay
            into v_until, v_due
            from queen.messages m
            where m.partition_id = v_cursor.partition_id and m.position > v_from and m.position <= v_until
              and (m.created_at <= v_now - v_part.delay or m.position = v_from + 1);
            if v_due <= v_now then
                v_due := null;
            end if;
        end if;
        if v_due is not null then
            v_next := least(v_next, v_due);
            update queen.cursors c set available_at = v_due
            where c.partition_id = v_cursor.partition_id and c.group_id = p_group;
            continue;
        end if;
        if v_until <= v_from then
            perform queen.park_cursor(v_cursor.partition_id, p_group);
            continue;
        end if;

        -- A lease that is still here although the cursor is available has run out.
        v_expired := v_cursor.expired_leases + (v_cursor.lease_id is not null)::integer;
        return query
        select v_part.uuid, v_part.name, m.id, m.transaction_id, m.trace_id, m.payload, m.created_at,
               case when m.position = v_cursor.attempts_position then v_cursor.attempts else 0 end,
               v_expired, null::double precision, null::bigint
        from queen.messages m
        where m.partition_id = v_cursor.partition_id and m.position > v_from and m.position <= v_until
        order by m.position;
        get diagnostics v_read = row_count;
        if v_read = 0 then
            -- They were deleted (0007_retention.sql) after tail had been read: look at this cursor again.
            v_seen := trim_array(v_seen, 1);
            continue;
        end if;
        if p_lease is null then
            update queen.cursors c
            set position = v_until, available_at = v_now, lease_id = null, lease_expires_at = null,
                lease_end = null, attempts = 0, attempts_position = null, expired_leases = 0,
                consumed = c.consumed + v_read, last_consumed_at = v_now
            where c.partition_id = v_cursor.partition_id and c.group_id = p_group;
            if v_until = v_part.head then
                perform queen.park_cursor(v_cursor.partition_id, p_group);
            end if;
        else
            update queen.cursors c
            set available_at = v_now + v_part.lease_time, lease_id = p_lease,
                lease_expires_at = v_now + v_part.lease_time, lease_start = v_from, lease_end = v_until,
                expired_leases = v_expired
            where c.partition_id = v_cursor.partition_id and c.group_id = p_group;
        end if;
        v_claimed := v_claimed + 1;
        v_left := v_left - v_read;
    end loop;

    if v_claimed = 0 then
        if not exists (select from queen.consumer_groups g where g.id = p_group and g.active) then
            raise exception 'the group of this pop does not exist' using errcode = 'QN002';
        end if;
        if p_partition is null then
            select c.partition_id into v_blocked from queen.cursors c
            where c.group_id = p_group and c.available_at <= v_now and c.partition_id <> all (v_seen)
            order by c.available_at
            limit 1;
            if v_visits >= c_visits and v_blocked is not null then
                v_blocked := 0;
            end if;
        end if;
        select min(c.available_at) into v_due from queen.cursors c
        where c.group_id = p_group and c.available_at > v_now
          and (p_partition is null or c.partition_id = p_partition);
        v_due := least(v_next, nullif(v_due, 'infinity'));
    end if;
    return query select null::uuid, null::text, null::uuid, null::text, null::uuid, null::json,
        null::timestamptz, null::integer, null::integer,
        extract(epoch from v_due - clock_timestamp())::double precision * 1000, v_blocked;
end $$;
