"""The SQL of the server, one file a statement; Python never builds SQL.

`PUSH` is the text of push.sql, and so on. The functions that they call are in ../migrations.
"""

from importlib.resources import files


def _text(name: str) -> str:
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


ACK = _text("ack")
CONFIGURE = _text("configure")
FIND_PARTITION = _text("find_partition")
LOCK_PARTITIONS = _text("lock_partitions")
PING = _text("ping")
POP = _text("pop")
PUSH = _text("push")
PUSH_ONE = _text("push_one")
RELEASE = _text("release")
REGISTER_GROUP = _text("register_group")
RESOLVE_PARTITIONS = _text("resolve_partitions")
