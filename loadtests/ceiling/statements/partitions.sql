-- The partitions $2[i] of the queues $1[i], made when they are missing.
select partition, partition_id from queen.ensure_partitions($1::text[], $2::text[])
