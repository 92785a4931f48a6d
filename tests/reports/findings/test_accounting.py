"""A report says of the messages the worst that any of its trials says, and no more than was read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from loadtests import results
from loadtests.results import GroupAccount, Invalidity, RunFiles
from reports import dataset
from reports.advice import Caution
from reports.judge import judge
from reports.page import build
from reports.verdict import AccountingTotals, Verdict
from tests.reports.loads import write_load
from tests.reports.synthetic import World, write_run
from tests.sweep.made import made_group

pytestmark = pytest.mark.usefixtures("without_charts")

UNREAD = {"source": "drain", "checked_to_end": False, "stored": 7, "lost": None}


def group(**changes: Any) -> GroupAccount:
    sound = made_group("load-0", delivered=1_000, nacked=9, lapsed=4, again_nacked=8, again_lapsed=3)
    return replace(sound, **changes)


class Told:
    """What is told of a run whose first trial was changed; `None` takes the account of it away."""

    def __init__(
        self,
        directory: Path,
        account: dict[str, Any] | None,
        *groups: GroupAccount,
        remarks: Sequence[Invalidity] = (),
    ) -> None:
        run = write_run(directory, World(blocks=1, sample_files=False, timeout_pools=()))
        self.trials = len(list(run.glob("trials/*/trial.json")))
        trial = next(iter(results.read_trials(RunFiles(run))))
        assert trial.accounting is not None
        changed = None if account is None else replace(trial.accounting, **account)
        path = RunFiles(run).trial(trial.trial_id).trial
        results.write(path, replace(trial, accounting=changed, deliveries=groups, remarks=tuple(remarks)))
        loaded = dataset.load([run])
        self.verdict: Verdict = judge(loaded)
        self.page = " ".join(build.render(loaded, self.verdict).split())

    @property
    def account(self) -> AccountingTotals:
        assert self.verdict.accounting is not None
        return self.verdict.accounting

    @property
    def cautions(self) -> list[Caution]:
        return [notice.caution for notice in self.verdict.notices]


def test_a_table_that_was_read_says_yes_and_how(tmp_path: Path) -> None:
    told = Told(tmp_path, {})
    assert (told.account.holds, told.account.lost, told.account.because) == (True, 0, ())
    assert told.account.ways == (f"in the table ({told.trials} of the trials)",)
    assert "Yes.</span> Every acknowledged message is stored" in told.page


def test_a_queue_that_was_read_back_to_its_end_is_not_called_a_table(tmp_path: Path) -> None:
    told = Told(tmp_path, {"source": "drain"})
    assert told.account.holds
    ways = f"read back over HTTP to the end (1 of the trials), in the table ({told.trials - 1} of the trials)"
    assert f"Counted after each trial, message by message: {ways}." in told.page


@pytest.mark.parametrize("lost", [None, 0])  # earlier files had 0 for what is not known
def test_what_was_not_read_to_its_end_is_not_known_and_no_yes(tmp_path: Path, lost: int | None) -> None:
    told = Told(tmp_path, UNREAD | {"lost": lost})
    assert (told.account.holds, told.account.lost) == (None, None)
    assert (
        f"Not known:</span> 1 of {told.trials} trials, for instance: what is lost (7 read back" in told.page
    )
    assert "read back over HTTP, but not to the end (1 of the trials)" in told.page
    assert "<td>not known</td>" in told.page
    assert "Yes.</span>" not in told.page
    assert Caution.NOT_ACCOUNTED in told.cautions


def test_a_trial_that_nobody_looked_into_leaves_it_open(tmp_path: Path) -> None:
    told = Told(tmp_path, None)
    assert told.account.holds is None
    assert "what is stored (nobody has looked)" in told.page


def test_a_fault_of_one_trial_is_that_of_all_and_is_named(tmp_path: Path) -> None:
    told = Told(tmp_path, UNREAD | {"duplicated": 2})
    assert told.account.holds is False
    assert (
        f"No:</span> 1 of {told.trials} trials, for instance: 2 duplicated, not known: what is lost"
        in told.page
    )
    assert Caution.ACCOUNTING_BROKEN in told.cautions
    assert Caution.NOT_ACCOUNTED not in told.cautions


def test_what_came_to_consumers_without_a_reason_is_a_fault_though_all_is_stored(tmp_path: Path) -> None:
    told = Told(tmp_path, {}, group(unexplained=7))
    assert told.account.holds is False
    assert "7 unexplained at load-0" in told.page


def test_what_came_again_stands_with_a_reason_beside_without_one(tmp_path: Path) -> None:
    told = Told(
        tmp_path, {}, group(), group(group="load-1", unexplained=None, again_nacked=None, unjudged="full")
    )
    first, second = told.account.deliveries
    assert (first.group, first.delivered, first.again, first.unexplained) == ("load-0", 1_000, 11, 0)
    assert (second.again, second.unexplained) == (None, None)
    assert told.account.holds is None
    assert "<td>1,000</td><td>0</td><td>9</td><td>4</td><td>11</td><td>0</td><td>0</td>" in told.page
    unknown = "<td>not known</td><td>not known</td>"
    assert f"<td>at least 1,000</td><td>0</td><td>9</td><td>4</td>{unknown}<td>0</td>" in told.page
    assert '<span class="remark">full</span>' in told.page


NOT_ACCOUNTED = Invalidity(reason="not_accounted", detail="not checked: no table", fatal=False)


def test_the_remark_of_a_trial_is_not_said_twice(tmp_path: Path) -> None:
    told = Told(tmp_path, UNREAD, remarks=(NOT_ACCOUNTED,))
    assert told.cautions.count(Caution.NOT_ACCOUNTED) == 1
    assert Caution.REMARKED not in told.cautions


def test_the_remark_is_said_where_there_is_no_account_that_could_say_it(tmp_path: Path) -> None:
    run = write_load(tmp_path, remarks=(NOT_ACCOUNTED,), accounted=False)
    (notice,) = (
        notice for notice in judge(dataset.load([run])).notices if notice.caution is Caution.NOT_ACCOUNTED
    )
    assert "not checked: no table" in notice.detail
