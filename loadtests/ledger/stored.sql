-- The stretches of one queue's log.
--
-- A stretch is a maximal piece of a partition's log, as one producer sees it, in which each sequence is one more than
-- the one before it: what other producers stored in between does not cut it, a push that was overtaken does. So of a
-- closed loop a few rows leave the database, and of an open one at most as many as there are pushes. Messages whose
-- transactionId is not of this load come back as producer -1, each a stretch of its own.
--
-- (`sequence - row_number()`, the usual way to find islands, would join rows that are no neighbours when the order
-- is broken, which is what is looked for here: hence lag and lead.)
--
-- $1 queue name, $2 run tag. To be read through a cursor.
-- Takes no lock beyond ACCESS SHARE and reads the queue's messages once, sequentially; sorts three numbers a row.
-- MATERIALIZED: else the window's expressions would take each id apart six times.
WITH message AS (
    SELECT m.partition_id, m.position, m.transaction_id,
           substr(m.transaction_id, length($2::text) + 2) AS rest  -- producer-sequence
    FROM queen.messages m
    WHERE m.queue_id IN (SELECT id FROM queen.queues WHERE name = $1::text)
), judged AS (
    SELECT partition_id, position, rest,
           starts_with(transaction_id, $2::text || '-')
               AND translate(rest, '0123456789', '') = '-' AND rest LIKE '_%-_%' AND length(rest) <= 19
               AND (rest NOT LIKE '0%' OR rest LIKE '0-%') AND rest NOT LIKE '%-0_%' AS ours
    FROM message
), numbered AS MATERIALIZED (
    SELECT partition_id, position,
           CASE WHEN ours THEN split_part(rest, '-', 1)::bigint ELSE -1 END AS producer,
           CASE WHEN ours THEN split_part(rest, '-', 2)::bigint ELSE 0 END AS sequence
    FROM judged
), edges AS (
    SELECT partition_id, position, producer, sequence,
           sequence IS DISTINCT FROM lag(sequence) OVER log + 1 AS starts,
           sequence IS DISTINCT FROM lead(sequence) OVER log - 1 AS ends
    FROM numbered
    WINDOW log AS (PARTITION BY partition_id, producer ORDER BY position)
), stretches AS (
    SELECT partition_id, position, producer, starts, sequence AS first,
           CASE WHEN ends THEN sequence ELSE lead(sequence) OVER log END AS last
    FROM edges
    WHERE starts OR ends
    WINDOW log AS (PARTITION BY partition_id, producer ORDER BY position)
)
SELECT p.name AS partition, s.producer, s.first, s.last
FROM stretches s JOIN queen.partitions p ON p.id = s.partition_id
WHERE s.starts
ORDER BY s.partition_id, s.producer, s.position
