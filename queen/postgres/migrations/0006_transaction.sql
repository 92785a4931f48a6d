-- Transaction: pushes and acks that happen together or not at all, in one call.
--
-- Operations mean what push and ack mean. Every push comes before every ack, and the acks of a group are
-- one request of the ack rule. An ack that names no lease is made under the required lease that holds its
-- (partition, group), if there is one: clients that name the leases once, for the whole, need not repeat them.
--
-- p_required: leases that must all live. p_partition … p_payload: the messages, as queen.push takes them.
-- p_group … p_error: the acks, as queen.ack takes them, but with a group each.
-- Returns a row for each required lease that does not live (kind lease; then nothing was done), each push
-- that was a duplicate (kind push) and each ack (kind ack), with its number from 1 in its own arrays. When an
-- ack was refused, everything was undone. Raises QN001 as queen.push does.
-- Locks: partitions by id; then cursors by (partition, group): those of the acks, those of the required
-- leases, and those that a push may have to wake. push and ack lock the same again, which waits for nobody.

create function queen.transact(
    p_required uuid[],
    p_partition bigint[], p_first bigint[], p_lowest text[], p_highest text[],
    p_id uuid[], p_transaction text[], p_trace uuid[], p_payload json[],
    p_group text[], p_acked_partition uuid[], p_acked_transaction text[], p_status text[], p_lease text[],
    p_error text[])
returns table (
    kind text, item bigint, existing uuid, outcome text, dead boolean, released boolean,
    queue text, partition text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    v_existing uuid[];
    v_group text;
    v_acks bigint[];      -- numbers of the acks of the group in hand
    v_leases text[];      -- and their leases
    v_done jsonb := '[]';
begin
    perform from queen.partitions p
    where p.id = any (p_partition) or p.uuid = any (p_acked_partition)
    order by p.id
    for no key update;

    perform from queen.cursors c
    where (c.partition_id, c.group_id) in (
        select p.id, g.id
        from unnest(p_acked_partition, p_group) as ack (partition_uuid, name)
        join queen.partitions p on p.uuid = ack.partition_uuid
        join queen.queues q on q.id = p.queue_id
        join queen.consumer_groups g on g.queue_name = q.name and g.name = ack.name
        union
        select l.partition_id, l.group_id from queen.cursors l where l.lease_id = any (p_required)
        union
        select i.partition_id, i.group_id
        from queen.cursors i where i.partition_id = any (p_partition) and i.available_at = 'infinity')
    order by c.partition_id, c.group_id
    for update;

    return query
    select 'lease', required.item, null::uuid, 'lease', false, false, null::text, null::text
    from unnest(p_required) with ordinality as required (lease_id, item)
    where not exists (
        select from queen.cursors c
        where c.lease_id = required.lease_id and c.lease_expires_at > clock_timestamp());
    if found then
        return;
    end if;

    begin
        if cardinality(p_partition) > 0 then
            v_existing := queen.push(
                p_partition, p_first, p_lowest, p_highest, p_id, p_transaction, p_trace, p_payload);
        end if;
        for v_group in select name from unnest(p_group) name group by name order by name collate "C" loop
            select array_agg(ack.item order by ack.item),
                   array_agg(coalesce(nullif(ack.lease, ''), held.lease_id::text) order by ack.item)
            into v_acks, v_leases
            from unnest(p_group, p_acked_partition, p_lease)
                 with ordinality as ack (name, partition_uuid, lease, item)
            left join lateral (
                select c.lease_id
                from queen.partitions p
                join queen.queues q on q.id = p.queue_id
                join queen.consumer_groups g on g.queue_name = q.name and g.name = ack.name
                join queen.cursors c on c.partition_id = p.id and c.group_id = g.id
                where p.uuid = ack.partition_uuid and c.lease_id = any (p_required)
            ) held on true
            where ack.name = v_group;
            select v_done || jsonb_agg(jsonb_build_object(
                       'item', v_acks[done.item], 'outcome', done.outcome, 'dead', done.dead,
                       'released', done.released, 'queue', done.queue, 'partition', done.partition))
            into v_done
            from queen.ack(
                v_group,
                (select array_agg(p_acked_partition[n] order by n) from unnest(v_acks) n),
                (select array_agg(p_acked_transaction[n] order by n) from unnest(v_acks) n),
                (select array_agg(p_status[n] order by n) from unnest(v_acks) n),
                v_leases,
                (select array_agg(p_error[n] order by n) from unnest(v_acks) n)) done;
        end loop;
        if exists (select from jsonb_array_elements(v_done) done
                   where done ->> 'outcome' not in ('done', 'noop', 'returned')) then
            raise exception 'an ack of this transaction was refused' using errcode = 'QN003';
        end if;
    exception when sqlstate 'QN003' then
        null;  -- undone, up to the begin above
    end;

    return query
    select 'push', done.item, done.existing, 'duplicate', false, false, null::text, null::text
    from unnest(v_existing) with ordinality as done (existing, item)
    where done.existing is not null
    union all
    select 'ack', done.item, null::uuid, done.outcome, done.dead, done.released, done.queue, done.partition
    from jsonb_to_recordset(v_done) as done (
        item bigint, outcome text, dead boolean, released boolean, queue text, partition text);
end $$;
