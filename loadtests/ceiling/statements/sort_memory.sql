-- Of this connection alone: an index of millions of messages is sorted in memory.
set maintenance_work_mem = '1GB'
