"""The command line makes the same experiment as a file would."""

from pathlib import Path

import pytest

from loadtests.sweep import experiment_file
from loadtests.sweep.experiment import planned_cells
from loadtests.sweep.experiment_file import ExperimentError
from loadtests.sweep.options import Asked, experiment_of
from loadtests.sweep.session import plan_text


def test_options_are_crossed() -> None:
    asked = Asked(pool="2,5,20,50", strategy="sequential,batch", clients="128", rtt="0,2", blocks="4")
    experiment = experiment_of(asked)
    (part,) = experiment.part
    assert (part.name, part.blocks, len(planned_cells(experiment, part))) == ("capacity", 4, 16)
    assert experiment_file.loads(experiment_file.dumps(experiment), source="again") == experiment


def test_clients_follow_the_largest_pool_unless_said() -> None:
    experiment = experiment_of(Asked(pool="1,200"))
    assert {planned.cell.clients for planned in planned_cells(experiment, experiment.part[0])} == {251}


def test_a_rate_makes_an_open_loop() -> None:
    experiment = experiment_of(Asked(rate="5000", pool="1", connection_timeout="250", warmup="0"))
    (planned,) = planned_cells(experiment, experiment.part[0])
    assert (planned.cell.loop, planned.cell.rate_msg_s, planned.cell.clients) == ("open", 5000.0, 50)
    assert experiment.part[0].warmup_s == 0


def test_nothing_said_is_the_quick_experiment() -> None:
    quick = experiment_file.read(experiment_file.ready("quick"))
    assert experiment_of(Asked()) == quick
    assert experiment_of(Asked(experiment="quick", blocks="3", budget="99", seed="1")).budget_s == 99


@pytest.mark.parametrize("experiment", [None, "quick"])
def test_a_warm_up_that_is_asked_for_is_kept_to_the_letter(experiment: str | None) -> None:
    pool = None if experiment else "1"
    asked = [Asked(experiment=experiment, pool=pool, warmup=warmup) for warmup in (None, "0.7")]
    told = [[part.exact_times for part in experiment_of(each).part] for each in asked]
    assert [set(each) for each in told] == [{False}, {True}]


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (Asked(pool="2,x"), "--pool 'x': expected a whole number, 1 to 10,000"),
        (Asked(pool="2,,5"), "--pool '': expected a whole number, 1 to 10,000"),
        (Asked(pool="0"), "--pool '0': expected a whole number, 1 to 10,000"),
        (Asked(pool="-1"), "--pool '-1': expected a whole number, 1 to 10,000"),
        (Asked(pool="1_0"), "--pool '1_0': expected a whole number, 1 to 10,000"),
        (Asked(pool="10001"), "--pool '10001': expected a whole number, 1 to 10,000"),
        (Asked(pool="9" * 9999), "…': expected a whole number, 1 to 10,000"),
        (Asked(pool="5, 5"), "--pool: 5 is given twice"),
        (Asked(rtt="0,0.0"), "--rtt: 0 is given twice"),
        (Asked(strategy="batch,batch"), "--strategy: batch is given twice"),
        (Asked(connection_timeout="9,9"), "--connection-timeout: 9 is given twice"),
        (Asked(rtt="nan"), "--rtt 'nan': expected a number, 0 to 60,000"),
        (Asked(rtt="-1"), "--rtt '-1': expected a number, 0 to 60,000"),
        (Asked(rtt="1e5"), "--rtt '1e5': expected a number, 0 to 60,000"),
        (Asked(clients="100001"), "--clients '100001': expected a whole number, 1 to 100,000"),
        (Asked(batch="1000000"), "--batch: 1,000,000 × 300 bytes, more than 64 MiB in one push"),
        (Asked(rate="2e6", batch="1"), "--rate: more than 1,000,000 pushes/s"),
        (Asked(rate="1e8"), "--rate: 1,000,000 producers, expected at most 100,000"),
        (Asked(rate="1e400"), "--rate '1e400': expected a number above 0, at most 1,000,000,000"),
        (Asked(rate=""), "--rate '': expected a number above 0, at most 1,000,000,000"),
        (Asked(blocks="0"), "--blocks '0': expected a whole number, 1 to 1,000"),
        (Asked(blocks="1001"), "--blocks '1001': expected a whole number, 1 to 1,000"),
        (Asked(measure="nan"), "--measure 'nan': expected a number above 0, at most 1,000,000,000"),
        (Asked(warmup="-1"), "--warmup '-1': expected a number, 0 to 1,000,000,000"),
        (Asked(seed="-1"), "--seed '-1': expected a whole number, 0 to 1,000,000,000"),
        (Asked(connection_timeout="-1"), "--connection-timeout '-1': expected a whole number, 1 to "),
        (Asked(strategy="turbo"), "--strategy 'turbo': expected sequential, batch or coalesce"),
        (Asked(experiment=""), "'': no such experiment file, nor one of the ready ones: "),
        (Asked(experiment=" "), "' ': no such experiment file, nor one of the ready ones: "),
        (Asked(experiment="."), ".: Is a directory"),
        (Asked(experiment="no\nsuch"), "no such: no such experiment file"),
        (Asked(experiment="x" * 300), "x: no such experiment file"),
        (Asked(pool="50", clients="10"), "10 clients cannot fill a pool of 50: at least 62 (1.25 × pool)"),
        (Asked(experiment="quick", pool="3"), "--pool and an experiment file exclude each other"),
        (Asked(experiment="nosuch"), "nosuch: no such experiment file, nor one of the ready ones: "),
        (Asked(experiment="nosuch.toml"), "nosuch.toml: No such file or directory"),
        (Asked(budget="0"), "--budget '0': expected a number above 0, at most 1,000,000,000"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_option(asked: Asked, line: str) -> None:
    with pytest.raises(ExperimentError) as error:
        experiment_of(asked)
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300


def test_many_levels_are_an_experiment_as_well() -> None:
    """Its title is made of them, and cut where it would be too long for one."""
    experiment = experiment_of(Asked(pool=",".join(map(str, range(1, 51)))))
    assert experiment.title.startswith("pool 1,2,3,")
    assert experiment.title.endswith("…")
    assert len(planned_cells(experiment, experiment.part[0])) == 50


def test_the_plan_tells_cells_blocks_and_time() -> None:
    text = plan_text(experiment_of(Asked(pool="2,5", blocks="5", budget="30")))
    assert "2 cells × 4 blocks of 5 asked" in text
    assert text.splitlines()[-1].startswith("8 trials, about 0:")


def test_a_file_is_found_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(experiment_file.dumps(experiment_of(Asked(pool="3"))))
    assert experiment_of(Asked(experiment=str(path))).part[0].pool == (3,)
