"""The text format: what a scraper reads is what the workers told."""

import re
from collections import defaultdict

from queen.observe.instance import Readings
from queen.observe.levels import BOUNDS_MS, DurationHistogram
from queen.observe.prometheus import exposition
from tests.observe.readings import pool, reading

SAMPLE = re.compile(r"(?P<name>[a-z_]+)(?P<labels>\{[^}]*\})? (?P<value>[0-9.e+-]+)")
WAITS = DurationHistogram(BOUNDS_MS, (2, *[0] * (len(BOUNDS_MS) - 1), 1))  # two up to 0.1 ms, one over 10 s
TOLD = exposition(
    Readings(
        expected=3,
        by_worker={
            2: reading(pushed=5, rss_bytes=2**40),
            0: reading(pushed=7, pool=pool(acquires=3, wait_seconds=12.5, wait_histogram=WAITS)),
        },
    )
)


def samples() -> dict[str, dict[str, float]]:
    """By name and labels; every line that is no comment is one."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for line in TOLD.splitlines():
        if not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample is not None, line
            found[sample["name"]][sample["labels"] or ""] = float(sample["value"])
    return found


def test_each_worker_is_a_series() -> None:
    assert samples()["queen_pushed_messages_total"] == {'{worker="0"}': 7, '{worker="2"}': 5}
    assert samples()["queen_process_resident_memory_bytes"]['{worker="2"}'] == 2**40


def test_who_did_not_answer_shows() -> None:
    assert samples()["queen_workers_expected"] == {"": 3}
    assert samples()["queen_workers_answered"] == {"": 2}


def test_a_histogram_is_cumulative_in_seconds() -> None:
    buckets = samples()["queen_db_pool_wait_seconds_bucket"]
    assert buckets['{worker="0",le="0.0001"}'] == 2
    assert buckets['{worker="0",le="10"}'] == 2
    assert buckets['{worker="0",le="+Inf"}'] == 3
    assert samples()["queen_db_pool_wait_seconds_sum"]['{worker="0"}'] == 12.5
    assert samples()["queen_db_pool_wait_seconds_count"]['{worker="0"}'] == 3


def test_each_family_is_described_once_and_before_its_samples() -> None:
    described: set[str] = set()
    for line in TOLD.splitlines():
        words = line.split(" ")
        if words[:2] == ["#", "HELP"]:
            assert words[2] not in described
            assert len(words) > 3
            described.add(words[2])
        elif words[:2] == ["#", "TYPE"]:
            assert words[2] in described
            assert words[3] in ("counter", "gauge", "histogram")
            assert (words[3] == "counter") == words[2].endswith("_total")
        else:
            name = re.sub(r"_(bucket|sum|count)$", "", line.partition("{")[0].partition(" ")[0])
            assert name in described
            assert name.startswith("queen_")
    assert TOLD.endswith("\n")
