"""The SQL of the direct cells and of the bookkeeping, one file a statement."""

from pathlib import Path


def _read(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


PUSH = _read("push")
INSERT_ONE = _read("insert_one")
INSERT_MANY = _read("insert_many")
READ = _read("read")
POP = _read("pop")
REGISTER = _read("register")
COMMIT = _read("commit")
PARTITIONS = _read("partitions")
HEADS = _read("heads")
CONSUMED = _read("consumed")
REWIND = _read("rewind")
FILL = _read("fill")
EMPTY = _read("empty")
FINISH = _read("finish")
FILL_PARTITION = _read("fill_partition")
DUPLICATES_INDEX = _read("duplicates_index")
DROP_DUPLICATES_INDEX = _read("drop_duplicates_index")
SETTLE = _read("settle")
SORT_MEMORY = _read("sort_memory")
