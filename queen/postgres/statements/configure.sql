-- Makes the queue or sets every option anew: an option that is not given gets its default.
-- Locks: the queue's row.
insert into queen.queues (
    name, namespace, task, lease_time, retry_limit, retry_delay, max_size, ttl, priority,
    dead_letter_queue, dlq_after_max_retries, delayed_processing, window_buffer, retention_seconds,
    completed_retention_seconds, retention_enabled, max_wait_time_seconds)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
on conflict (name) do update set
    namespace = excluded.namespace,
    task = excluded.task,
    lease_time = excluded.lease_time,
    retry_limit = excluded.retry_limit,
    retry_delay = excluded.retry_delay,
    max_size = excluded.max_size,
    ttl = excluded.ttl,
    priority = excluded.priority,
    dead_letter_queue = excluded.dead_letter_queue,
    dlq_after_max_retries = excluded.dlq_after_max_retries,
    delayed_processing = excluded.delayed_processing,
    window_buffer = excluded.window_buffer,
    retention_seconds = excluded.retention_seconds,
    completed_retention_seconds = excluded.completed_retention_seconds,
    retention_enabled = excluded.retention_enabled,
    max_wait_time_seconds = excluded.max_wait_time_seconds
returning uuid
