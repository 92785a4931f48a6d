-- The messages of one queue as runs, in the order of the table.
--
-- A run is a maximal piece of a partition's log, as one producer sees it, in which each sequence is one more than
-- the one before it. A correct trial gives a few runs per producer, so the rows never leave the database.
-- Messages whose transactionId is not of this load come back as producer -1, one row per message.
-- (`sequence - row_number()`, the usual way to find islands, would join rows that are not neighbours when the
-- order is broken, which is just what is looked for here: hence lag and a running sum.)
--
-- $1 queue name, $2 run tag, $3 sequences per scope: a run ends at each multiple of it.
-- Takes no lock beyond ACCESS SHARE and reads the queue's messages once, sequentially.
WITH message AS (
    SELECT m.partition_id,
           m.position,
           m.transaction_id,
           m.transaction_id ~ ('^' || $2::text || '-[0-9]{1,9}-[0-9]{1,18}$') AS ours
    FROM queen.messages m
    WHERE m.queue_id IN (SELECT id FROM queen.queues WHERE name = $1::text)
), numbered AS (
    SELECT partition_id,
           position,
           CASE WHEN ours THEN split_part(transaction_id, '-', 2)::int ELSE -1 END AS producer,
           CASE WHEN ours THEN split_part(transaction_id, '-', 3)::bigint ELSE 0 END AS sequence
    FROM message
), scoped AS (
    SELECT partition_id, position, producer, sequence, sequence / $3::bigint AS scope FROM numbered
), marked AS (
    SELECT *,
           CASE WHEN sequence = 1 + lag(sequence) OVER log THEN 0 ELSE 1 END AS starts
    FROM scoped
    WINDOW log AS (PARTITION BY partition_id, producer, scope ORDER BY position)
), counted AS (
    SELECT *, sum(starts) OVER log AS run
    FROM marked
    WINDOW log AS (PARTITION BY partition_id, producer, scope ORDER BY position)
)
SELECT p.name AS partition, c.producer, c.scope, min(c.sequence) AS first, max(c.sequence) AS last
FROM counted c JOIN queen.partitions p ON p.id = c.partition_id
GROUP BY p.id, p.name, c.producer, c.scope, c.run
ORDER BY p.id, c.producer, c.scope, c.run
