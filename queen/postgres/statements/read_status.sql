-- $1 queue, $2 namespace, $3 task (null: any), $4 from, $5 to (null: now; from: an hour before), $6 most
-- errors. One row for each queue in scope, by name, and a last one without a queue: the window, and the most
-- frequent errors of the dead letters in it.
-- Locks: none. Index: partitions by queue, cursors by primary key, dead letters by partition and by queue.
with chosen as (
    select q.* from queen.queues q
    where ($1::text is null or q.name = $1) and ($2::text is null or q.namespace = $2)
      and ($3::text is null or q.task = $3)
),
asked as (
    select coalesce($4::timestamptz, coalesce($5::timestamptz, now()) - interval '1 hour') as since,
           coalesce($5::timestamptz, now()) as until
),
errors as (
    select failed.error, count(*) as letters
    from asked, chosen q
    cross join lateral (
        select d.error from queen.dead_letters d
        where d.queue_id = q.id and d.failed_at >= asked.since and d.failed_at <= asked.until
    ) failed
    group by failed.error
    order by letters desc, failed.error
    limit $6::integer
)
select q.uuid, q.name, q.namespace, q.task, held.partitions, read.consumed,
       held.total, held.pending, held.processing, held.completed, held.dead_letter, held.with_dead_letters,
       read.leases, read.leased_partitions, read.handed_out, read.acknowledged,
       null::timestamptz as since, null::timestamptz as until, null::text[] as errors, null::bigint[] as letters
from chosen q
cross join lateral (
    select count(*) as partitions, coalesce(sum(p.total), 0)::bigint as total,
           coalesce(sum(p.pending), 0)::bigint as pending,
           coalesce(sum(p.processing), 0)::bigint as processing,
           coalesce(sum(p.completed), 0)::bigint as completed,
           coalesce(sum(p.dead_letter), 0)::bigint as dead_letter,
           count(*) filter (where p.dead_letter > 0) as with_dead_letters
    from queen.partition_progress p where p.queue_id = q.id
) held
cross join lateral (
    select coalesce(sum(g.consumed), 0)::bigint as consumed,
           count(distinct g.lease_id) as leases,
           count(distinct g.partition_id) filter (where g.lease_id is not null) as leased_partitions,
           coalesce(sum(g.handed_out), 0)::bigint as handed_out,
           coalesce(sum(g.acknowledged), 0)::bigint as acknowledged
    from queen.group_progress g where g.queue_id = q.id
) read
union all
select null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
       asked.since, asked.until,
       (select array_agg(error order by letters desc, error) from errors),
       (select array_agg(letters order by letters desc, error) from errors)
from asked
order by 2 nulls last
