"""The SQL of the server, one file a statement; Python never builds SQL.

`PUSH` is the text of push.sql, and so on. The functions that they call are in ../migrations.
"""

from importlib.resources import files


def _text(name: str) -> str:
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


ACK = _text("ack")
ACK_TOGETHER = _text("ack_together")
CONFIGURE = _text("configure")
DELETE_GROUP = _text("delete_group")
DELETE_PREFIXES = _text("delete_prefixes")
DELETE_QUEUE = _text("delete_queue")
DEPTHS = _text("depths")
EXTEND_LEASE = _text("extend_lease")
FIND_DEPTH = _text("find_depth")
FIND_DUE = _text("find_due")
FIND_GROUP = _text("find_group")
FIND_MESSAGE = _text("find_message")
FIND_PARTITION = _text("find_partition")
FIND_QUEUE = _text("find_queue")
LIST_DEAD_LETTERS = _text("list_dead_letters")
LIST_GROUPS = _text("list_groups")
LIST_MESSAGES = _text("list_messages")
LIST_QUEUES = _text("list_queues")
LOCK_CURSORS = _text("lock_cursors")
LOCK_PARTITIONS = _text("lock_partitions")
LOCK_QUEUE = _text("lock_queue")
NOTIFY = _text("notify")
PING = _text("ping")
POP = _text("pop")
PUSH = _text("push")
PUSH_ONE = _text("push_one")
READ_FITNESS = _text("read_fitness")
READ_STATUS = _text("read_status")
REFRESH_DUE = _text("refresh_due")
REGISTER_GROUP = _text("register_group")
RELEASE = _text("release")
RESOLVE_PARTITIONS = _text("resolve_partitions")
SEEK = _text("seek")
TRANSACT = _text("transact")
