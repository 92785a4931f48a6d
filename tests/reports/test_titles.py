"""A chart's title is a finding, and short enough to be read as one."""

import msgspec

from reports import titles
from reports.verdict import Verdict


def test_the_main_charts_name_the_finding(verdict: Verdict) -> None:
    assert titles.throughput(verdict.curves).startswith("Enough connections: ")
    assert titles.timeouts(verdict.timeouts) == "Time-outs at pools 1, 2; none from pool 5"


def test_a_pool_with_and_without_time_outs_is_not_called_free_of_them(verdict: Verdict) -> None:
    """Two configurations of pool 1: one times out, the other does not; pool 5 is the first without."""
    first, *_ = verdict.timeouts
    counts = [
        msgspec.structs.replace(first, cell=msgspec.structs.replace(first.cell, pool=pool), requests=requests)
        for pool, requests in ((1, 7), (1, 0), (5, 0), (20, 0))
    ]
    assert titles.timeouts(counts) == "Time-outs at pool 1; none from pool 5"


def test_the_connections_chart_claims_no_test_of_the_law(verdict: Verdict) -> None:
    assert titles.connections(verdict.curves) == "Connections in use at the smallest sufficient pool: 97%"
    assert "agree within 1% at the smallest sufficient pools" in titles.connections_caption(verdict.curves)


def test_without_curves_a_title_claims_nothing() -> None:
    assert titles.throughput(()) == "Throughput against pool size"
    assert titles.connections(()) == "Connections needed: loans/s × hold time"
    assert titles.timeouts(()) == "No time-out was seen at any pool size"
    assert "agree" not in titles.connections_caption(())
