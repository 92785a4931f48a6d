"""Names are short, safe and tell cells apart."""

from loadtests.results import Cell
from loadtests.sweep import naming


def test_a_cell_s_name_holds_what_differs_and_always_the_pool() -> None:
    cells = [
        Cell(strategy=strategy, pool=pool, db_rtt_ms=rtt, clients=128, partitions=128)
        for strategy, pool, rtt in (("sequential", 5, 0.0), ("batch", 5, 0.0), ("batch", 20, 2.5))
    ]
    assert naming.cell_labels(cells) == ("sequential-p5-rtt0", "batch-p5-rtt0", "batch-p20-rtt2.5")
    assert naming.cell_labels(cells[:1]) == ("p5",)


def test_trials_and_databases() -> None:
    assert naming.trial_id(7, "capacity", 1, "p5", 0) == "007-capacity-b1-p5"
    assert naming.trial_id(12, "capacity", 1, "p5", 1) == "012-capacity-b1-p5-again1"
    name = naming.database_name("20261125T031500Z-pool-size-quick", 7)
    assert name == "queen_trial_20261125t031500zpoolsize_007"
    assert len(name) < 64
    assert "-" not in naming.run_tag(7, 1)
