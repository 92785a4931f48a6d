-- Finds the partitions of the pairs ($1[i], $2[i]) and makes those that do not exist.
-- Locks: migrations/0002_resources.sql.
select queue, partition, partition_id, partition_uuid
from queen.ensure_partitions($1::text[], $2::text[])
