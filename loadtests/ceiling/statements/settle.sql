-- What autovacuum would do sooner or later, and then in the midst of a window.
vacuum (analyze) queen.messages, queen.partitions, queen.cursors
