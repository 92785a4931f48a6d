"""What `queen load` makes of the accounts of a run, and how it tells people."""

import io
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from loadtests import results
from loadtests.commands.load_audit import (
    account_for,
    first_told,
    in_vain,
    not_accounted,
    only_trial,
    with_account,
)
from loadtests.commands.load_summary import table
from loadtests.results import (
    QUEUE_MODE,
    Accounting,
    ErrorCount,
    FaultyMessages,
    GroupAccount,
    Invalidity,
    MessageRange,
    RunFiles,
    Trial,
)
from tests.commands.test_load import acknowledged_run
from tests.sweep.made import made_accounting, made_group

OTHER = Invalidity(reason="users_changed", detail="one came later", fatal=False)
LOST = FaultyMessages(
    fault="lost",
    named=(
        MessageRange(producer=4, partition="p2", first=17, last=18),
        MessageRange(producer=4, partition="p2", first=40, last=40),
    ),
)


def account(**changes: Any) -> Accounting:
    return replace(made_accounting(acknowledged=10, stored=10), **changes)


def group(**changes: Any) -> GroupAccount:
    sound = made_group("load-0", delivered=10, nacked=4, lapsed=2, again_nacked=4, again_lapsed=1)
    return replace(sound, **changes)


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return results.read(only_trial(acknowledged_run(tmp_path, "load-t1")).trial, Trial)


def shown(trial: Trial) -> str:
    text = io.StringIO()
    Console(file=text, width=160).print(table(trial))
    return text.getvalue()


async def test_what_the_load_found_by_itself_counts_where_there_is_no_table(tmp_path: Path) -> None:
    run = acknowledged_run(tmp_path, "load-t1")
    assert await account_for([run], None)
    files = only_trial(run)
    lost = with_account(results.read(files.trial, Trial), account(source="drain", lost=1))
    results.write(files.trial, lost)
    assert not await account_for([RunFiles(run.root)], None)


def test_the_table_takes_the_place_of_what_was_read_back_and_of_nothing_else(trial: Trial) -> None:
    before = replace(trial, remarks=(OTHER,), deliveries=(group(unexplained=3),))
    read_back = with_account(before, account(source="drain", lost=1))
    settled = with_account(read_back, account())
    assert settled.accounting == account()
    assert [remark.detail for remark in settled.remarks] == [
        "one came later",
        "deliveries to load-0: 3 unexplained",
    ]
    assert not settled.valid


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (account(), "yes: 10 in the table"),
        (account(source="drain"), "yes: 10 read back over HTTP to the end"),
        (
            account(source="drain", stored=7, lost=None, checked_to_end=False),
            "not known: what is lost (7 read back, 10 acknowledged)",
        ),
        (
            account(unheard_producers=2, unheard_stored=5),
            "not known: what lost processes did last (5 stored that nobody has told of)",
        ),
        (account(unheard_processes=1), "not known: what lost processes did last"),
        (
            account(lost=3, faulty=(LOST,)),
            "NO: 3 lost (producer 4 in p2: 17-18, 40)",
        ),
        (
            account(source="drain", lost=None, checked_to_end=False, duplicated=1),
            "NO: 1 duplicated, not known: what is lost",
        ),
    ],
)
def test_the_verdict_claims_no_more_than_is_known(trial: Trial, found: Accounting, told: str) -> None:
    assert told in shown(with_account(trial, found))


def test_of_a_queue_that_nobody_looked_into_it_is_said(trial: Trial) -> None:
    assert "not known: what is stored (nobody has looked)" in shown(replace(trial, accounting=None))


def test_the_table_leaves_open_what_a_group_never_received(tmp_path: Path, trial: Trial) -> None:
    run = acknowledged_run(tmp_path / "open", "load-t1")
    unread = (group(reading="cut off"), group(group="load-1", undelivered=None, reading="not asked"))
    settled = with_account(replace(trial, deliveries=unread), account())
    assert [remark.reason for remark in settled.remarks] == ["not_accounted"]
    assert settled.valid
    results.write(only_trial(run).trial, settled)
    assert not_accounted(run) == "not known: what else load-0 received (not read to the end)"
    results.write(only_trial(run).trial, with_account(replace(trial, deliveries=unread[1:]), account()))
    assert not_accounted(run) == ""  # nobody had asked


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (
            group(),
            [
                "group load-0 received",
                "10 (0 missing, 4 nacked, 2 lapsed, 5 again for that, 0 without a reason, 0 out of order)",
            ],
        ),
        (group(group=QUEUE_MODE), ["consumers received"]),
        (group(undelivered=None), ["10 (missing not known"]),
        (group(again_nacked=None), ["- again for that, 0 without a reason"]),
        (
            group(undelivered=None, unexplained=None, unjudged="the account was full"),
            ["at least 10 (4 nacked, 2 lapsed, 0 out of order; the account was full)"],
        ),
        (group(undelivered=2), ["NO: 10 (2 missing"]),
        (group(out_of_order=2), ["NO: 10", "2 out of order"]),
    ],
)
def test_each_group_has_a_line(trial: Trial, found: GroupAccount, told: list[str]) -> None:
    text = shown(replace(trial, deliveries=(found,)))
    assert all(piece in text for piece in told)


def test_what_went_wrong_is_told_with_its_run_where_there_are_several(tmp_path: Path) -> None:
    good, bad = (acknowledged_run(tmp_path / name, "load-t1") for name in ("good", "bad"))
    trial = results.read(only_trial(bad).trial, Trial)
    refused = ErrorCount(status=404, code="not_found", text="Not found", requests=3)
    load = replace(trial.load, total_messages_acknowledged=0, errors=(refused,))
    results.write(only_trial(bad).trial, replace(trial, load=load))
    said = "no push was acknowledged: Not found"
    assert first_told(in_vain, [good]) == ""
    assert first_told(in_vain, [bad]) == said
    assert first_told(in_vain, [good, bad, good]) == f"run 2 of 3, {bad.root.name}: {said}"
