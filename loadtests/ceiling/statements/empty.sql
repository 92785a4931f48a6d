-- Every message is deleted, and the positions go on behind them.
truncate queen.messages;
update queen.partitions set tail = head where tail <> head
