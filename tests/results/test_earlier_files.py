"""Files of an earlier version are still read: what they do not have means that it was not recorded."""

from pathlib import Path
from typing import Any

import pytest

from loadtests import results
from loadtests.results import Accounted, Accounting, Ledger, LoadResult, Trial, accounted
from tests.sweep.made import made_group

LATENCY = '{"count":20,"p50_ms":1.0,"p90_ms":1.5,"p95_ms":2.0,"p99_ms":3.0,"p999_ms":4.0,"max_ms":4.5}'
LOAD = f"""{{
  "started_at": "2026-01-01T00:00:00.000+00:00", "started_monotonic_s": 12.5, "warmup_s": 1.0,
  "measured_s": 10.0, "users": 2, "requests_sent": 21, "requests_ok": 20, "requests_not_done": 1,
  "requests_unknown": 0, "requests_missed": 0, "retry_pauses": 1, "messages_acknowledged": 200,
  "messages_duplicate": 0, "messages_popped": 0, "total_messages_acknowledged": 220,
  "total_messages_unknown": 0, "service": {LATENCY}, "response": {LATENCY}, "schedule_lag": null,
  "errors": [{{"status": 503, "code": "pool_timeout", "text": "timeout", "requests": 1}}],
  "generator_cpu_s": 0.5, "format": 1
}}"""
LEDGER = """{"run_tag": "t1", "queue": "bench", "format": 1, "producers": [
  {"producer": 0, "partition": "p0", "acknowledged": [[0, 219]], "unknown": [], "refused": [[220, 229]]}]}"""
ACCOUNT = """{"acknowledged": 220, "stored": 220, "unknown": 0, "unknown_stored": 0, "lost": 0,
  "duplicated": 0, "unexplained": 0, "out_of_order": 0}"""
TRIAL = f"""{{
  "trial_id": "001", "part": "load", "block": 0, "order": 0, "attempt": 0,
  "cell": {{"strategy": "coalesce", "pool": 10, "loop": "open", "batch": 10, "shape": "reasonable"}},
  "started_at": "2026-01-01T00:00:00+00:00", "load": {LOAD}, "accounting": {ACCOUNT},
  "remarks": [{{"reason": "busy_machine", "detail": "20%", "fatal": false}}], "format": 1
}}"""


def test_a_load_of_one_process_without_stages(tmp_path: Path) -> None:
    path = tmp_path / "load.json"
    path.write_text(LOAD, encoding="utf-8")
    load = results.read(path, LoadResult)
    assert (load.requests_ok, load.throughput_msg_s) == (20, 20.0)
    assert (load.requests_held, load.requests_pending, load.workers) == (0, 0, ())
    assert (load.held, load.end_to_end) == (None, None)


def test_a_ledger_whose_producers_were_all_heard(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_text(LEDGER, encoding="utf-8")
    (producer,) = results.read(path, Ledger).producers
    assert producer.refused == ((220, 229),)
    assert not producer.unheard


def test_a_trial_that_was_checked_against_the_table(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    path.write_text(TRIAL, encoding="utf-8")
    trial = results.read(path, Trial)
    assert trial.valid
    assert (trial.deliveries, trial.stages) == ((), ())
    assert trial.accounting is not None
    assert trial.accounting.holds
    assert trial.accounting.complete
    assert trial.accounting.source == "table"
    assert accounted(trial) == Accounted(True, ("220 in the table",))


def test_a_trial_whose_queue_was_not_read_to_its_end_said_that_nothing_was_lost(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    unread = ACCOUNT.replace('"stored": 220', '"stored": 9').replace(
        "}", ', "source": "drain", "checked_to_end": false}'
    )
    path.write_text(TRIAL.replace(ACCOUNT, unread), encoding="utf-8")
    trial = results.read(path, Trial)
    assert trial.accounting is not None
    assert trial.accounting.lost == 0
    assert accounted(trial) == Accounted(None, ("what is lost (9 read back, 220 acknowledged)",))


def test_what_came_again_was_not_counted(tmp_path: Path) -> None:
    group = """{"group": "load-0", "delivered": 220, "undelivered": 0, "nacked": 3, "lapsed": 0,
      "unexplained": 0, "out_of_order": 0, "order_judged": "all"}"""
    path = tmp_path / "trial.json"
    path.write_text(TRIAL.replace('"remarks"', f'"deliveries": [{group}], "remarks"'), encoding="utf-8")
    trial = results.read(path, Trial)
    assert (trial.deliveries[0].again, trial.deliveries[0].reading) == (None, "ended")
    assert accounted(trial).holds


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"checked_to_end": False}, False),
        ({"unheard_producers": 1}, False),
        ({"unheard_processes": 1}, False),
    ],
)
def test_an_account_is_complete_when_everything_was_checked(changes: dict[str, int], complete: bool) -> None:
    counts = dict.fromkeys(
        ("acknowledged", "stored", "unknown", "unknown_stored", "lost", "duplicated", "unexplained"), 0
    )
    assert Accounting(**counts, out_of_order=0, **changes).complete is complete  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"undelivered": None}, True),  # not known: nothing is claimed
        ({"undelivered": 1}, False),
        ({"unexplained": 1}, False),
        ({"unexplained": None}, True),
        ({"out_of_order": 1}, False),
        ({"nacked": 5, "lapsed": 5}, True),
    ],
)
def test_a_groups_deliveries_hold_when_each_is_explained(changes: dict[str, Any], holds: bool) -> None:
    assert made_group(**changes).holds is holds
