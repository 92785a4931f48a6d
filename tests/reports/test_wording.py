"""Sentences claim what is shown and no more."""

import re
from pathlib import Path

import pytest

from loadtests.results import Cell
from reports import dataset, labels, wording
from reports.judge import judge
from reports.verdict import Circumstances, Verdict
from tests.reports.synthetic import Law, World, write_run


def test_circumstances_claim_only_what_the_run_tells() -> None:
    told = wording.circumstances(
        Circumstances(
            shortest_s=1.19,
            longest_s=30.2,
            payload_bytes=(300, 4_000),
            batches=(1,),
            clients=(16, 128),
            consumed=True,
            fresh_tables=False,
            checkpointed=False,
        )
    )
    assert told.startswith(
        "Measured with pushes and consumers; windows of 1.2 to 30 s; payloads of 300 or 4,000 bytes; "
        "1 messages a push; 16 or 128 clients"
    )
    assert "empty" not in told and "CHECKPOINT" not in told


def test_the_headline_states_the_law_and_a_pool_for_each_round_trip(verdict: Verdict) -> None:
    text = wording.headline(verdict)
    assert text.startswith("Connections needed ≈ loans of a connection per second × hold time: ")
    assert "DB_POOL_SIZE" in text
    assert "locally" in text and "with 2 ms round trip" in text


def test_a_loan_that_many_requests_share_is_told_in_headline_and_findings(tmp_path: Path) -> None:
    laws = {("coalesce", 0.0): Law(12_000, 0.9), ("batch", 0.0): Law(9_000, 0.9)}
    shared = judge(dataset.load([write_run(tmp_path, World(laws=laws, sample_files=False))]))
    assert re.search(
        r": \d+/s × \S+ ms ≈ 0\.97 \(coalesce, local, 30 requests a loan\)\.", wording.headline(shared)
    )
    served = [text for text in wording.sentences(shared) if text.endswith(" messages.")]
    assert [re.sub(r"pool \d+", "pool N", text) for text in served] == [
        "batch, local, pool N: 1 request, 10 messages.",
        "coalesce, local, pool N: 30 requests, 300 messages.",
    ]


def test_a_headline_speaks_of_requests_a_loan_only_where_they_differ(verdict: Verdict) -> None:
    assert "a loan" not in wording.headline(verdict).removeprefix(wording.LAW)


@pytest.mark.parametrize("told", [True, False])
def test_where_requests_wait_is_explained_and_what_is_not_known_of_it(tmp_path: Path, told: bool) -> None:
    world = World(laws={("coalesce", 0.0): Law(12_000, 0.9)}, boarding_told=told, sample_files=False)
    text = wording.waiting(judge(dataset.load([write_run(tmp_path, world)])).curves)
    assert "with coalesce for one in common" in text
    assert ("is not known" in text) is not told


def test_without_coalesce_a_request_waits_for_a_connection(verdict: Verdict) -> None:
    assert wording.waiting(verdict.curves) == "Requests wait for a connection."


def test_time_outs_are_told_with_the_error_word_for_word(verdict: Verdict) -> None:
    told = [text for text in wording.sentences(verdict) if text.startswith("Pool 1 gives")]
    assert told and "“timeout exceeded when trying to connect”" in told[0]


def test_cells_are_called_by_what_differs_only() -> None:
    cells = [Cell(strategy="batch", pool=5), Cell(strategy="batch", pool=5, synchronous_commit="off")]
    assert labels.series(cells[1], labels.varying(cells)) == "synchronous_commit=off"
    assert labels.series(cells[0], labels.varying(cells[:1])) == "batch"
