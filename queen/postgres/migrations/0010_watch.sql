-- Which lines of waiting polls have something to look for, whether or not anybody announced it.
--
-- A line is a group (p_partitions null), or one partition of it. Returns a row for each that has something to
-- look for at the moment or within p_within: its number, from 1, and in how many ms (0: now). A group or a
-- cursor that is not there has: whoever waits must find out about it.
-- One short probe of an index for each line; a line with nothing but drained cursors reads no cursor at all.
-- Locks: none. Planned once and for all, as queen.pop: a plan made for an empty table would outlive it. For the
-- same reason a partition's cursor is named by rows: by equality it may also be looked for among all of its group.
create function queen.find_due(p_groups bigint[], p_partitions bigint[], p_within interval)
returns table (line bigint, due_in_ms double precision)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
set jit = off
as $$
declare
    v_now constant timestamptz := clock_timestamp();
begin
    return query
    with found as materialized (
        select asked.line,
               case
                   when (select g.active from queen.consumer_groups g where g.id = asked.group_id) is not true
                       then v_now  -- (not "not exists", which may become a hash of the whole table)
                   when asked.partition_id is null then (
                       select c.available_at from queen.cursors c
                       where c.group_id = asked.group_id and c.available_at <= v_now + p_within
                       order by c.available_at
                       limit 1)
                   else coalesce((
                       select c.available_at from queen.cursors c
                       where (c.partition_id, c.group_id) >= (asked.partition_id, asked.group_id)
                         and (c.partition_id, c.group_id) <= (asked.partition_id, asked.group_id)), v_now)
               end as due
        from unnest(p_groups, p_partitions) with ordinality as asked (group_id, partition_id, line)
    )
    select found.line, extract(epoch from greatest(found.due, v_now) - v_now)::double precision * 1000
    from found
    where found.due <= v_now + p_within;
end $$;
