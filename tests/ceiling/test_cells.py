"""What cells say of themselves, and what they read of other programs."""

import re
from collections import Counter
from pathlib import Path

import pytest

from loadtests.ceiling import statements
from loadtests.ceiling.cells.disk import write_and_sync
from loadtests.ceiling.cells.pgbench import parse
from loadtests.ceiling.locust import measured
from loadtests.ceiling.parts import PARTS
from loadtests.ceiling.servers import ServerConfig, server_settings
from loadtests.ceiling.window import Asked
from queen.errors import SettingsError
from queen.local.database import Database
from queen.local.process import ChildFailed
from queen.postgres.statements import POP, PUSH
from tests.sweep.made import made_load

PGBENCH = """\
number of transactions actually processed: 16653
number of failed transactions: {failed} (0.000%)
initial connection time = 25.110 ms
tps = 16402.123456 (without initial connection time)
"""
HERE = Database(host="127.0.0.1", port=1, user="u", name="d")


@pytest.mark.parametrize("name", PARTS)
def test_the_ratios_of_a_part_are_of_its_cells(name: str) -> None:
    part = PARTS[name]
    keys = [cell.described.key for cell in part.cells]
    assert len(set(keys)) == len(keys)
    for ratio in part.ratios:
        assert {ratio.of, *ratio.base, ratio.less or ratio.of} <= set(keys)
    assert len({ratio.key for ratio in part.ratios}) == len(part.ratios)
    assert max(len(ratio.label) for ratio in part.ratios) <= 64  # the chart's panel is no wider


def test_the_matrix_is_complete() -> None:
    cells = [cell.described for cell in PARTS["matrix"].cells]
    ours = Counter((cell.kind, cell.unit) for cell in cells if cell.group == "server")
    both = 4 * 4 * 2  # batches, clients, workers
    assert ours == {
        ("push", "msg/s"): both + 4,  # by Locust
        ("pop", "msg/s"): both,
        ("pop, then ack", "msg/s"): both,
        ("end to end", "ms"): 2,
    }
    raw = {cell.kind for cell in cells if cell.group == "raw"}
    assert raw == {"write", "read", "commit", "disk", "HTTP"}
    ceilings = " ".join(cell.label for cell in cells if cell.group == "raw")
    for ceiling in (
        "flush statement, 1,000 rows",
        "COPY",
        "pgbench",
        "plain INSERT, 1 row, 16",
        "pop statement",
    ):
        assert ceiling in ceilings


def test_one_is_not_many() -> None:
    labels = [cell.described.label for part in PARTS.values() for cell in part.cells]
    assert any("1 client," in label for label in labels)
    assert [label for label in labels if re.search(r"\b1 (row|client|connection|worker|queue)s", label)] == []


@pytest.mark.parametrize(("ours", "servers"), [(statements.PUSH, PUSH), (statements.POP, POP)])
def test_the_direct_statements_are_the_servers_own(ours: str, servers: str) -> None:
    def code(sql: str) -> str:
        return " ".join(line for line in sql.splitlines() if not line.startswith("--"))

    assert code(ours) == code(servers)


def test_pgbench_is_read() -> None:
    read = parse(PGBENCH.format(failed=0))
    assert (read.value, read.messages, read.faults) == (16402.123456, 16653, ())
    assert parse(PGBENCH.format(failed=3)).faults == ("3 transactions failed",)
    with pytest.raises(ChildFailed, match="pgbench told no rate"):
        parse("pgbench: error: connection failed")


def test_the_disk_is_written_to_and_nothing_is_left(tmp_path: Path) -> None:
    read = write_and_sync(tmp_path, Asked(warmup_s=0.01, measure_s=0.05, tag="w0", seed=7))
    assert read.value > 0
    assert list(tmp_path.iterdir()) == []


def test_locusts_figures_become_those_of_a_window() -> None:
    read = measured(made_load(acknowledged=5_000, measured_s=2.0))
    assert (read.value, read.messages, read.faults) == (2_500.0, 5_000, ())


def test_a_server_gets_the_users_settings_but_for_what_its_cell_decides() -> None:
    environ = {
        "PUSH_MAX_FLUSHES": "4",
        "DB_POOL_SIZE": "7",
        "NUM_WORKERS": "3",
        "QUEEN_TOKEN": "secret",
        "PG_DB": "theirs",
        "PATH": "/bin",
    }
    settings = server_settings(ServerConfig("batch", workers=2, pool=4), HERE, environ)
    assert (settings.push_max_flushes, settings.db_pool_size, settings.num_workers) == (4, 4, 2)
    assert (settings.push_strategy.value, settings.queen_token, settings.pg_db) == ("batch", "", "d")
    assert settings.db_idle_timeout == 0
    with pytest.raises(SettingsError, match="PUSH_MAX_FLUSHES='x'"):
        server_settings(ServerConfig(), HERE, {"PUSH_MAX_FLUSHES": "x"})
