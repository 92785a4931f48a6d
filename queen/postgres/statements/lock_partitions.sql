-- $1 partition ids. The first statement of a sequential push: all locks at once and in id order, so that
-- the single inserts that follow cannot deadlock. Index: primary key.
select id from queen.partitions where id = any ($1::bigint[]) order by id for no key update
