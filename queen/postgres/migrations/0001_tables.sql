-- The tables. docs/architecture.md ("Storage: a sequence per partition") has the why.
--
-- Lock order, for everything that writes: the advisory lock on the queue's name (0002_resources.sql), then
-- partitions by id, then cursors by (partition, group). For push, pop and ack the queues, partitions and groups
-- are made beforehand, in transactions of their own.

create table queen.queues (
    id                          bigint generated always as identity primary key,
    uuid                        uuid not null default gen_random_uuid(),
    name                        text not null unique,
    namespace                   text not null default '',
    task                        text not null default '',
    priority                    integer not null default 0,
    lease_time                  integer not null default 300,   -- s
    retry_limit                 integer not null default 3,
    retry_delay                 integer not null default 1000,  -- ms, stored and echoed only
    max_size                    integer not null default 0,     -- messages, 0: unbounded
    ttl                         integer not null default 3600,  -- s, stored and echoed only
    dead_letter_queue           boolean not null default false, -- stored and echoed only
    dlq_after_max_retries       boolean not null default false, -- stored and echoed only
    delayed_processing          integer not null default 0,     -- s
    window_buffer               integer not null default 0,     -- s
    retention_seconds           integer not null default 0,
    completed_retention_seconds integer not null default 0,
    retention_enabled           boolean not null default false,
    max_wait_time_seconds       integer not null default 0,
    created_at                  timestamptz not null default clock_timestamp()
);

-- Positions are taken under this row's lock, so they are in commit order and without gaps: a reader
-- can never pass a message that commits later.
create table queen.partitions (
    id              bigint generated always as identity primary key,
    uuid            uuid not null default gen_random_uuid() unique,
    queue_id        bigint not null references queen.queues on delete cascade,
    name            text not null,
    head            bigint not null default 0,  -- last position given out
    tail            bigint not null default 0,  -- last position deleted
    last_created_at timestamptz not null default '-infinity',
    highest_id      text not null default '',   -- of all its transaction ids, by queen.comes_after
    created_at      timestamptz not null default clock_timestamp(),
    unique (queue_id, name)
) with (fillfactor = 50);  -- head moves with every push: keep that update HOT

-- The order in which transaction ids of one producer are expected to come: of ids that count the longer one is the
-- later, of those of one length the greater one, as of UUIDs of version 7, whoever makes them. An id that comes after the highest one of its
-- partition is no duplicate, and is not looked up. The order decides nothing else: any other id costs a look-up. So
-- does one of more than 128 characters: it comes after nothing, and never is the highest one.
create function queen.comes_after(a text, b text) returns boolean
language sql immutable parallel safe
return length(a) <= 128 and (length(a), a collate "C") > (length(b), b collate "C");

-- What the highest id of a partition is after a push of ids of which p_pushed is the highest; null if that is.
create function queen.higher(p_pushed text, p_before text) returns text
language sql immutable parallel safe
return case when queen.comes_after(p_pushed, p_before) then p_pushed
            when p_pushed is not null then p_before end;

-- Append-only; no foreign key (the push's lock proves that the partition exists). The payload is `json`:
-- the bytes that came in, given back unchanged.
create table queen.messages (
    id             uuid not null,
    transaction_id text not null,
    queue_id       bigint not null,
    partition_id   bigint not null,
    position       bigint not null,
    trace_id       uuid,
    payload        json not null,
    created_at     timestamptz not null,
    primary key (partition_id, position)
);

-- Where a transaction id stands in the index of the duplicate look-up: 32 bits of what it shares with the ids that
-- are made about the same time, then 32 bits of its own, both hashes. An id as long as a UUID shares its first 11
-- characters (the time of a UUIDv7, to 256 ms), any other all but its last four (ids that count). So what comes
-- together falls on few pages, which are in memory, however large the table has grown; a hash of the whole id, as
-- random ids themselves, reads and dirties another page for every message. The partition is in the second half
-- alone: each may count for itself. Ids may share a key: who looks up compares text and partition again.
create function queen.transaction_key(transaction_id text, partition_id bigint) returns bigint
language sql immutable parallel safe
return (hashtextextended(case octet_length(transaction_id) when 36 then left(transaction_id, 11)
                              else left(transaction_id, -4) end, 0) << 32)
       | (hashtextextended(transaction_id, partition_id) & 4294967295);

create index messages_transaction on queen.messages (queen.transaction_key(transaction_id, partition_id));

-- For people and for the guide's "inserted in the last minute": created_at follows the insert order.
create index messages_created_at on queen.messages
    using brin (created_at) with (pages_per_range = 32, autosummarize = on);

-- A group is kept by the queue's name: it can register before the queue exists.
create table queen.consumer_groups (
    id                bigint generated always as identity primary key,
    queue_name        text not null,
    name              text not null,
    subscription_mode text not null default 'all',  -- all, new, timestamp
    subscription_from timestamptz,           -- new, timestamp: messages from then on
    active            boolean not null default true,  -- false: deleted, but where it starts is remembered
    created_at        timestamptz not null default clock_timestamp(),
    unique (queue_name, name)
);

-- The whole state of a (partition, group): one committed position plus one lease.
create table queen.cursors (
    partition_id      bigint not null references queen.partitions on delete cascade,
    group_id          bigint not null references queen.consumer_groups on delete cascade,
    position          bigint not null,       -- everything up to here is done
    -- Lower bound of the next instant at which a pop can find something: due time or the lease's end;
    -- infinity: nothing to find. Only a holder of the partition's lock may set infinity, after reading
    -- head in a later statement; a push lowers it again under the same lock.
    available_at      timestamptz not null,
    lease_id          uuid,
    lease_expires_at  timestamptz,
    lease_start       bigint,                -- last position before those handed out under the lease
    lease_end         bigint,                -- last position handed out under the lease
    attempts          integer not null default 0,  -- `failed` acks of attempts_position
    attempts_position bigint,
    expired_leases    integer not null default 0,  -- leases that ran out since the position moved
    consumed          bigint not null default 0,   -- messages committed so far, dead letters included
    last_consumed_at  timestamptz,
    primary key (partition_id, group_id)
) with (fillfactor = 50);

create index cursors_available on queen.cursors (group_id, available_at);

-- Extending a lease and requiring it: a client names the lease alone.
create index cursors_lease on queen.cursors (lease_id) where lease_id is not null;

-- Its own copy of the message: retention does not touch it.
create table queen.dead_letters (
    id             bigint generated always as identity primary key,
    queue_id       bigint not null references queen.queues on delete cascade,
    partition_id   bigint not null,
    consumer_group text not null,
    position       bigint not null,
    message_id     uuid not null,
    transaction_id text not null,
    trace_id       uuid,
    payload        json not null,
    error          text not null,
    retry_count    integer not null,
    created_at     timestamptz not null,     -- of the message
    failed_at      timestamptz not null default clock_timestamp()
);

create index dead_letters_queue on queen.dead_letters (queue_id, failed_at);
create index dead_letters_message on queen.dead_letters (partition_id, position);

-- Deleting a queue (by hand, too) deletes its messages.
create function queen.delete_messages_of_partitions() returns trigger language plpgsql as $$
begin
    delete from queen.messages m using gone where m.partition_id = gone.id;
    return null;
end $$;

create trigger partitions_delete_messages
    after delete on queen.partitions
    referencing old table as gone
    for each statement execute function queen.delete_messages_of_partitions();
