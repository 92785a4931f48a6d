"""The verdict finds what the synthetic world holds, and claims nothing where it holds nothing."""

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from loadtests import results
from loadtests.results import Invalidity
from reports import dataset, tables, wording
from reports.advice import Caution
from reports.judge import judge
from reports.runs import read_run
from reports.verdict import Curve, Limit, Verdict
from tests.reports.synthetic import FLAT, LAWS, TIMEOUT_TEXT, Law, World, write_run


def judged(root: Path, **changes: object) -> Verdict:
    return judge(dataset.load([write_run(root, World(**changes))]))  # type: ignore[arg-type]


def curve(verdict: Verdict, strategy: str, rtt_ms: float) -> Curve:
    (found,) = [
        one for one in verdict.curves if (one.factors.strategy, one.factors.db_rtt_ms) == (strategy, rtt_ms)
    ]
    return found


def cautions(verdict: Verdict) -> set[Caution]:
    return {notice.caution for notice in verdict.notices}


def test_known_factors_between_pools_are_covered(verdict: Verdict) -> None:
    world = World()
    for (strategy, rtt_ms), law in world.laws.items():
        for step in curve(verdict, strategy, rtt_ms).steps:
            assert step.ratio.interval is not None
            truth = law.at(step.to_pool) / law.at(step.from_pool)
            assert step.ratio.interval.low * 0.97 < truth < step.ratio.interval.high * 1.03


def test_the_gain_of_batching_is_recovered(verdict: Verdict) -> None:
    world = World()
    gains = [found for found in verdict.gains if found.factor == "strategy"]
    assert [(found.over.strategy, found.of.strategy) for found in gains] == [("sequential", "batch")] * 2
    for found in gains:
        key = found.of.db_rtt_ms
        pool = found.of.pool or 0
        truth = world.laws["batch", key].at(pool) / world.laws["sequential", key].at(pool)
        assert found.ratio.ratio == pytest.approx(truth, rel=0.1)
        assert found.ratio.shown


def test_a_flat_world_recommends_the_smallest_pool_and_shows_no_difference(tmp_path: Path) -> None:
    flat = {("batch", 0.0): Law(10_000, 1.0)}
    shown = first = 0
    for seed in range(12):
        verdict = judged(tmp_path / str(seed), laws=flat, seed=seed, sample_files=False, timeout_pools=())
        (found,) = verdict.curves
        assert found.knee is not None
        shown += sum(step.ratio.shown for step in found.steps)
        first += found.knee.pool == 1
    assert shown <= 2
    assert first >= 11


def test_littles_law_holds_on_every_curve(verdict: Verdict) -> None:
    for found in verdict.curves:
        assert found.loans is not None and found.loans.disagreement is not None
        assert abs(found.loans.disagreement) < 0.02


STRATEGIES = {
    (strategy, rtt_ms): Law(12_000 / (1 + rtt_ms), 0.9)
    for strategy in ("sequential", "batch", "coalesce")
    for rtt_ms in (0.0, 2.0)
}


@pytest.mark.parametrize(
    ("strategy", "requests", "busy", "waiting"),
    [("sequential", 1, 4.85, 123), ("batch", 1, 4.85, 123), ("coalesce", 30, 0.97, 98)],
)
def test_connections_needed_are_counted_by_loans_whatever_a_loan_serves(
    tmp_path: Path, strategy: str, requests: float, busy: float, waiting: float
) -> None:
    """30 pushes share a loan with coalesce: their rate × its hold time would be 29 connections, not one."""
    verdict = judged(tmp_path, laws=STRATEGIES, sample_files=False)
    for rtt_ms in (0.0, 2.0):
        seen = curve(verdict, strategy, rtt_ms).at(5)
        assert seen is not None and seen.loans is not None
        assert seen.loans.needed == pytest.approx(busy, rel=0.02)
        assert seen.loans.busy == pytest.approx(busy)
        assert seen.loans.requests == pytest.approx(requests, rel=0.02)
        assert seen.loans.messages == pytest.approx(10 * requests, rel=0.02)
        assert seen.loans.per_s == pytest.approx(seen.pushes_per_s / requests, rel=0.02)
        assert seen.requests_waiting == pytest.approx(waiting)
    assert not cautions(verdict) & {Caution.LITTLES_LAW_OFF, Caution.OTHER_LOANS, Caution.POOL_UNKNOWN}


def test_how_many_wait_to_share_a_call_is_not_known_of_a_server_that_does_not_count_them(
    tmp_path: Path,
) -> None:
    """The pool's own gauge is of shared calls: it must not pass for that of requests."""
    laws = {("coalesce", 0.0): STRATEGIES["coalesce", 0.0]}
    (found,) = judged(tmp_path, laws=laws, boarding_told=False, sample_files=False).curves
    assert [(seen.waiting, seen.requests_waiting) for seen in found.cells] == [(0.0, None)] * 4


def test_of_a_server_without_figures_of_its_pool_nothing_is_derived(tmp_path: Path) -> None:
    verdict = judged(tmp_path, pool_known=False)
    assert all(seen.loans is None for found in verdict.curves for seen in found.cells)
    assert all(load.loans is None for load in verdict.offered)
    (told,) = [notice for notice in verdict.notices if notice.caution is Caution.POOL_UNKNOWN]
    assert told.detail == "72 of 72 trials hold no counts of the pool"
    assert wording.headline(verdict).startswith("How many connections were needed is not known")
    assert any(found.recommended for found in verdict.curves)  # the clients' own figures stay


def test_time_outs_are_counted_with_their_text(verdict: Verdict) -> None:
    counts = {found.cell.pool: found for found in verdict.timeouts}
    assert counts[1].per_s == pytest.approx(300, rel=0.01)
    assert counts[1].text == TIMEOUT_TEXT
    assert (counts[5].requests, counts[20].requests) == (0, 0)


def test_a_time_out_under_full_load_is_told_beside_the_pools_without(tmp_path: Path) -> None:
    """The whole part is counted, so that a title may say from which pool on there is none."""
    run = write_run(tmp_path, World(laws={("batch", 2.0): Law(500, 0.02)}, blocks=1, timeout_pools=()))
    (path,) = run.glob("trials/*pool1-*/trial.json")
    trial = results.read(path, results.Trial)
    error = results.ErrorCount(status=503, code="pool_timeout", text=TIMEOUT_TEXT, requests=2)
    load = msgspec.structs.replace(trial.load, errors=(error,))
    results.write(path, msgspec.structs.replace(trial, load=load))
    counts = judge(dataset.load([run])).timeouts
    assert [(found.cell.pool, found.requests) for found in counts] == [(1, 2), (5, 0), (20, 0), (50, 0)]


def test_littles_law_is_told_for_offered_loads_too(verdict: Verdict) -> None:
    assert [load.cell.pool for load in verdict.offered] == [1, 2, 5, 20]
    for load in verdict.offered:
        assert load.loans is not None
        assert load.loans.needed == pytest.approx(load.loans.busy, rel=0.02)


def test_what_the_server_held_back_is_told_where_missed_is(tmp_path: Path) -> None:
    run = write_run(tmp_path, World())
    path = next(path for path in run.rglob("trial.json") if '"open"' in path.read_text())
    trial = results.read(path, results.Trial)
    load = msgspec.structs.replace(trial.load, requests_held=1_200, requests_missed=3)
    results.write(path, msgspec.structs.replace(trial, load=load))
    found = judge(dataset.load([run])).offered
    assert sorted((load.missed, load.held) for load in found)[-1] == (3, 1_200)
    rows = {row.missed: row.held for row in tables.offered(found)}
    assert rows["3"] == "1,200"


def test_the_generators_share_is_of_the_ceiling_of_its_own_loop(tmp_path: Path) -> None:
    laws = {("batch", 0.0): Law(10_000, 1.0)}
    run = write_run(tmp_path, World(laws=laws, ceiling_msg_s=20_000.0))
    of_closed = judge(dataset.load([run])).validity.generator_share
    manifest = results.read(results.RunFiles(run).manifest, results.Manifest)
    ceilings = {**manifest.generator_ceiling_msg_s, "raw/batch=10/open": 5_000.0}
    results.write(
        results.RunFiles(run).manifest, msgspec.structs.replace(manifest, generator_ceiling_msg_s=ceilings)
    )
    of_both = judge(dataset.load([run])).validity.generator_share
    assert of_closed is not None and of_both is not None
    assert of_closed < of_both


def test_a_full_pool_binds_until_a_larger_one_is_no_faster(verdict: Verdict) -> None:
    local = curve(verdict, "sequential", 0.0)
    assert local.cells[0].limit is Limit.POOL
    assert local.cells[-1].limit is Limit.DATABASE


def limits_of(root: Path, rtt_ms: float, law: Law, **changes: object) -> list[Limit]:
    (found,) = judged(root, laws={("sequential", rtt_ms): law}, timeout_pools=(), **changes).curves
    return [seen.limit for seen in found.cells]


def test_a_largest_pool_that_waits_for_the_network_still_binds(tmp_path: Path) -> None:
    """Calls queue for it, the curve still rises, and there is CPU left."""
    assert limits_of(tmp_path, 2.0, LAWS["sequential", 2.0], server_cores=0.3)[-1] is Limit.POOL


def test_a_largest_pool_that_brought_nothing_does_not_bind(tmp_path: Path) -> None:
    """Idle backends do not make it so: they wait for the server's process as they wait for a network."""
    found = limits_of(tmp_path, 2.0, Law(8_000, 0.9), server_cores=0.3)
    assert found[-1] is Limit.NO_FASTER
    assert Limit.POOL not in found[2:]


def test_with_hardly_any_cpu_left_no_more_than_that_is_known(tmp_path: Path, verdict: Verdict) -> None:
    """0.8 cores of the server, 1.74 of the machine's 2."""
    last = curve(verdict, "sequential", 2.0).cells[-1]
    assert last.limit is Limit.NEARLY_CPU
    assert "nearly all CPU" in last.limit.value
    assert "nearly all CPU" in wording.LIMIT_TEXTS[last.limit]


def test_the_samplers_cpu_is_the_machines_too(tmp_path: Path) -> None:
    sampled = limits_of(tmp_path, 2.0, LAWS["sequential", 2.0], sampler_cores=0.1)
    assert sampled[-1] is Limit.MACHINE_CPU


def test_every_limit_has_its_words() -> None:
    assert set(wording.LIMIT_TEXTS) == set(Limit)


def test_waiting_for_locks_names_the_partition(tmp_path: Path) -> None:
    verdict = judged(tmp_path, laws={("batch", 0.0): Law(10_000, 1.0)}, lock_share=0.9)
    assert verdict.curves[0].cells[-1].limit is Limit.PARTITION_LOCK


@pytest.mark.parametrize("reason", ["generator_limited", "near_ceiling"])
def test_remarks_of_the_trials_decide_about_generator_machine_and_anything_else(
    tmp_path: Path, reason: Literal["generator_limited", "near_ceiling"]
) -> None:
    limited = Invalidity(reason=reason, detail="60% of it", fatal=False)
    crashed = Invalidity(reason="crashed", detail="the relay", fatal=False)
    busy = Invalidity(reason="busy_machine", detail="others used 20%", fatal=False)
    laws = {("batch", 0.0): Law(10_000, 1.0)}
    remarks = {0: (limited,), 1: (busy,), 2: (crashed,)}
    verdict = judged(tmp_path / "remarked", laws=laws, remarks=remarks, ceiling_msg_s=12_000.0)
    told = {notice.caution: notice.detail for notice in verdict.notices}
    assert "60% of it" in told[Caution.GENERATOR_LIMITED]
    assert "crashed in 1 of" in told[Caution.REMARKED]
    assert Caution.NOISY_MACHINE in told
    assert [seen.limit for seen in verdict.curves[0].cells].count(Limit.GENERATOR) == 1
    silent = judged(tmp_path / "without", laws=laws, ceiling_msg_s=12_000.0)
    assert Caution.GENERATOR_LIMITED not in cautions(silent)


def test_a_remark_that_has_a_size_is_told_of_its_worst_trial(tmp_path: Path) -> None:
    """The first case that happens to be small would make the machine look quieter than it was."""
    run = write_run(tmp_path, World(timeout_pools=(), sample_files=False))
    shares = (0.16, 0.41, 0.22)
    for path, share in zip(sorted(run.glob("trials/*/trial.json")), shares, strict=False):
        trial = results.read(path, results.Trial)
        assert trial.machine is not None
        machine = msgspec.structs.replace(trial.machine, other_cpu_s=share * 2 * trial.load.measured_s)
        detail = f"other programs used {share:.0%} of the machine"
        remark = Invalidity(reason="busy_machine", detail=detail, fatal=False)
        results.write(path, msgspec.structs.replace(trial, machine=machine, remarks=(remark,)))
    told = {notice.caution: notice.detail for notice in judge(dataset.load([run])).notices}
    assert told[Caution.NOISY_MACHINE] == "3 of 64 trials, at worst: other programs used 41% of the machine"


def test_a_healthy_run_carries_only_the_caution_of_its_edge(verdict: Verdict) -> None:
    assert cautions(verdict) <= {Caution.KNEE_AT_EDGE, Caution.NOT_SETTLED}
    assert verdict.accounting is not None and verdict.accounting.holds


FATAL = (Invalidity(reason="missed", detail="2 % missed", fatal=True),)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lost_in": 3}, Caution.ACCOUNTING_BROKEN),
        ({"remarks": {3: FATAL}}, Caution.INVALID_TRIALS),
        ({"interrupted": True}, Caution.INTERRUPTED),
        ({"synchronous_commit": "off"}, Caution.NOT_DURABLE),
        ({"noise_sd": 0.35}, Caution.NOISY_MACHINE),
        ({"noise_sd": 0.35}, Caution.NOT_SETTLED),
        ({"blocks": 2}, Caution.TOO_FEW_BLOCKS),
        ({"pool_known": False}, Caution.POOL_UNKNOWN),
        ({"unsteady": 1.2}, Caution.LITTLES_LAW_OFF),
        ({"pushes_per_loan": 0.8}, Caution.OTHER_LOANS),
        ({"laws": {("batch", 0.0): Law(1_000, 0.3)}}, Caution.LOCAL_ONLY),
    ],
)
def test_what_goes_wrong_is_told_with_what_to_do(
    tmp_path: Path, changes: dict[str, object], expected: Caution
) -> None:
    verdict = judged(tmp_path, sample_files=False, **changes)
    (notice, *_) = [notice for notice in verdict.notices if notice.caution is expected]
    assert notice.detail
    assert len(notice.caution.what_to_do) > 40


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes"])
def test_a_server_that_is_not_durable_is_told_whatever_its_cells_say(tmp_path: Path, name: str) -> None:
    run = write_run(tmp_path, World(sample_files=False))
    assert Caution.NOT_DURABLE not in cautions(judge(dataset.load([run])))
    path = results.RunFiles(run).manifest
    manifest = results.read(path, results.Manifest)
    off = {**manifest.postgres_settings, name: "off"}
    results.write(path, msgspec.structs.replace(manifest, postgres_settings=off))
    details = [
        notice.detail
        for notice in judge(dataset.load([run])).notices
        if notice.caution is Caution.NOT_DURABLE
    ]
    assert details == [f"synthetic: PostgreSQL itself ran with {name} off"]


def test_every_caution_has_advice() -> None:
    assert all(len(caution.what_to_do) > 40 for caution in Caution)


def test_an_invalid_trial_enters_no_figure(tmp_path: Path) -> None:
    verdict = judged(tmp_path, remarks=dict.fromkeys(range(16), FATAL), sample_files=False)
    assert all(seen.trials == 3 for found in verdict.curves for seen in found.cells)
    assert len(verdict.validity.invalid) == 16


def test_incomplete_blocks_do_not_bias_the_ratios(tmp_path: Path) -> None:
    verdict = judged(
        tmp_path, block_sd=1.0, noise_sd=0.01, missing=frozenset(range(0, 64, 5)), sample_files=False
    )
    for (strategy, rtt_ms), law in World().laws.items():
        for step in curve(verdict, strategy, rtt_ms).steps:
            truth = law.at(step.to_pool) / law.at(step.from_pool)
            assert step.ratio.ratio == pytest.approx(truth, rel=0.05)


def test_one_block_recommends_nothing(tmp_path: Path) -> None:
    verdict = judged(tmp_path, blocks=1, sample_files=False)
    assert all(found.knee is None for found in verdict.curves)
    assert not any(step.ratio.shown for found in verdict.curves for step in found.steps)


SILENT = frozenset({("batch", 0.0, 1, 0), ("batch", 0.0, 5, 2), ("sequential", 0.0, 50, 1)})


def test_a_cell_without_throughput_is_shown_and_never_recommended(tmp_path: Path) -> None:
    flat = {("batch", 0.0): Law(10_000, 1.0), ("sequential", 0.0): Law(9_000, 1.0)}
    verdict = judged(tmp_path, laws=flat, silent=SILENT, sample_files=False)
    assert [(seen.cell.strategy, seen.cell.pool) for seen in verdict.silent] == [
        ("sequential", 50),
        ("batch", 1),
        ("batch", 5),
    ]
    told = [notice.detail for notice in verdict.notices if notice.caution is Caution.NO_THROUGHPUT]
    assert "batch, local, pool 1: 0 messages/s in 1 of 4 trials" in told
    batch = curve(verdict, "batch", 0.0)
    assert [seen.cell.pool for seen in batch.cells] == [20, 50]
    assert batch.recommended in (20, 50)


def test_a_run_without_any_throughput_is_told_too(tmp_path: Path) -> None:
    nothing = frozenset({("batch", 0.0, pool, 0) for pool in (1, 5)})
    verdict = judged(tmp_path, laws={("batch", 0.0): FLAT}, pools=(1, 5), blocks=1, silent=nothing)
    assert verdict.curves == ()
    assert len(verdict.silent) == 2
    assert Caution.NO_THROUGHPUT in cautions(verdict)


def test_a_remote_database_is_not_called_local(tmp_path: Path) -> None:
    far = {"postgres_source": "PG_HOST", "sample_files": False}
    verdict = judged(tmp_path / "far", direct_rtt_ms=8.0, **far)
    assert "with no round trip added (8 ms measured)" in wording.headline(verdict)
    assert "local" not in wording.headline(verdict)
    only_direct = {("batch", 0.0): Law(1_000, 0.3)}
    assert Caution.LOCAL_ONLY not in cautions(
        judged(tmp_path / "direct", direct_rtt_ms=8.0, laws=only_direct, **far)
    )


def test_a_named_host_on_this_machine_is_local(tmp_path: Path) -> None:
    verdict = judged(tmp_path, direct_rtt_ms=0.1, postgres_source="PG_HOST", sample_files=False)
    assert "locally" in wording.headline(verdict)


def test_a_factor_that_drags_another_along_gives_a_gain_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    """16 clients on 16 partitions against 128 on 128: one factor, and 128 over 16."""
    halves = [
        write_run(
            tmp_path / str(clients),
            World(laws={("batch", 0.0): law}, clients=clients, timeout_pools=(), sample_files=False),
        )
        for clients, law in ((128, Law(4_000, 0.9)), (16, Law(2_000, 0.9)))
    ]
    both = dataset.of(tuple(map(read_run, halves)))  # of one run id, so the blocks are the same
    (found,) = judge(both).gains
    assert (found.factor, found.over.clients, found.of.clients) == ("clients", 16, 128)
    assert found.ratio.ratio == pytest.approx(2, rel=0.15)


def test_noise_that_hides_the_knee_recommends_no_pool(tmp_path: Path) -> None:
    verdict = judged(tmp_path, noise_sd=0.5, sample_files=False)
    unsettled = [found for found in verdict.curves if found.knee is not None and not found.knee.settled]
    assert unsettled
    assert all(found.recommended is None for found in unsettled)
    assert "not settled between" in wording.headline(verdict)
