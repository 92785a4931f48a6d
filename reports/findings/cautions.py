"""Which cautions a report must carry; each threshold stands here with its reason."""

from collections.abc import Callable, Iterator, Sequence

from loadtests.results import Trial
from reports import labels
from reports.advice import Caution, Notice
from reports.runs import Run
from reports.verdict import AccountingTotals, Curve, Loans, SilentCell, Validity

NOISY_SD = 0.15  # four blocks then miss ratios below about 1.4 (`minimum_detectable`)
LEAST_BLOCKS = 4
REMARKED = {  # the limits of these stand with the trials
    "generator_limited": Caution.GENERATOR_LIMITED,
    "near_ceiling": Caution.GENERATOR_LIMITED,
    "busy_machine": Caution.NOISY_MACHINE,
    "not_accounted": Caution.NOT_ACCOUNTED,
}
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")  # of PostgreSQL; only what is set is told
OFF = ("off", "false", "no", "0")
LITTLE_DISAGREEMENT = 0.10  # loans × hold time against busy connections
OTHER_LOANS = 0.10  # of the loans, where every push borrows for itself


def notices(
    runs: Sequence[Run],
    curves: Sequence[Curve],
    silent: Sequence[SilentCell],
    validity: Validity,
    accounting: AccountingTotals | None,
) -> tuple[Notice, ...]:
    """All cautions that apply, the gravest first (the enum's order)."""
    found = [
        *_about_correctness(accounting),
        *_about_trials(runs, validity, accounting),
        *about_silence(silent),
        *_about_noise(validity),
        *_about_curves(runs, curves),
    ]
    order = list(Caution)
    return tuple(sorted(found, key=lambda notice: order.index(notice.caution)))


def _about_correctness(accounting: AccountingTotals | None) -> Iterator[Notice]:
    if accounting is not None and not accounting.holds:
        caution = Caution.NOT_ACCOUNTED if accounting.holds is None else Caution.ACCOUNTING_BROKEN
        yield Notice(caution, "; ".join(accounting.because))


def _about_trials(
    runs: Sequence[Run], validity: Validity, accounting: AccountingTotals | None
) -> Iterator[Notice]:
    if validity.invalid:
        yield Notice(Caution.INVALID_TRIALS, f"{len(validity.invalid)} of {validity.trials} trials")
    for run in runs:
        manifest = run.manifest
        if manifest is not None and (manifest.interrupted or manifest.finished_at is None):
            yield Notice(Caution.INTERRUPTED, f"{len(run.trials)} trials of {run.name} were finished")
    yield from _about_durability(runs)
    used = [trial for run in runs for trial in run.trials if trial.valid]
    if unknown := sum(trial.pool is None for trial in used):
        yield Notice(Caution.POOL_UNKNOWN, f"{unknown} of {len(used)} trials hold no counts of the pool")
    for remark in validity.remarks:
        if remark.reason == "not_accounted" and accounting is not None and not accounting.holds:
            continue  # `_about_correctness` says it
        what = "" if remark.reason in REMARKED else remark.reason.replace("_", " ")
        if validity.trials == 1:
            detail = f"{what}: {remark.detail}" if what else remark.detail
        else:
            where = f"{remark.trials} of {validity.trials} trials"
            detail = (
                f"{f'{what} in ' if what else ''}{where}, {labels.instance(remark.worst)}: {remark.detail}"
            )
        yield Notice(REMARKED.get(remark.reason, Caution.REMARKED), detail)


def _about_durability(runs: Sequence[Run]) -> Iterator[Notice]:
    """What the trials were run with, and what the whole PostgreSQL server was."""
    if undurable := _cells(runs, lambda trial: trial.cell.synchronous_commit == "off"):
        yield Notice(Caution.NOT_DURABLE, f"{undurable} cells ran with synchronous_commit off")
    for run in runs:
        server = {} if run.manifest is None else run.manifest.postgres_settings
        if off := [name for name in DURABLE if server.get(name, "on").lower() in OFF]:
            yield Notice(
                Caution.NOT_DURABLE, f"{run.name}: PostgreSQL itself ran with {' and '.join(off)} off"
            )


def about_silence(silent: Sequence[SilentCell]) -> Iterator[Notice]:
    """One notice for each configuration without throughput."""
    names = labels.varying(found.cell for found in silent)
    for found in silent:
        way = labels.round_trip(found.cell.db_rtt_ms, found.direct_rtt_ms)
        name = f"{labels.series(found.cell, names)}, {way}, pool {found.cell.pool}"
        detail = f"{name}: 0 messages/s in {found.silent_trials} of {found.trials} trials"
        yield Notice(Caution.NO_THROUGHPUT, detail)


def _about_noise(validity: Validity) -> Iterator[Notice]:
    for precision in validity.precision:
        if precision.residual_sd is not None and precision.residual_sd > NOISY_SD:
            detail = f"repeats of one cell of {precision.part} differ by ±{precision.residual_sd:.0%} (sd)"
            yield Notice(Caution.NOISY_MACHINE, detail)
        if precision.blocks < LEAST_BLOCKS:
            yield Notice(Caution.TOO_FEW_BLOCKS, f"{precision.part} has {precision.blocks}")


def _about_curves(runs: Sequence[Run], curves: Sequence[Curve]) -> Iterator[Notice]:
    for curve in curves:
        name = f"{curve.factors.strategy or curve.part}, {curve.factors.db_rtt_ms:g} ms round trip"
        if curve.knee is not None and not curve.knee.settled:
            detail = f"{name}: pool {curve.knee.pool} may lose up to {curve.knee.loss_at_most:.0%}"
            yield Notice(Caution.NOT_SETTLED, detail)
        if curve.knee is not None and curve.knee.at_edge:
            yield Notice(Caution.KNEE_AT_EDGE, f"{name}: pool {curve.knee.pool}")
        if curve.loans is not None:
            yield from _about_loans(name, curve.factors.strategy, curve.loans)
    if curves and all(labels.is_local(curve.factors.db_rtt_ms, curve.direct_rtt_ms) for curve in curves):
        yield Notice(Caution.LOCAL_ONLY, "every trial spoke to its database without a network in between")
    if len(runs) > 1 or (curves and not _is_ours(runs)):
        yield Notice(Caution.NOT_INTERLEAVED, "figures of separate runs are compared")


def _about_loans(name: str, strategy: str | None, loans: Loans) -> Iterator[Notice]:
    off = loans.disagreement
    if off is not None and abs(off) > LITTLE_DISAGREEMENT:
        yield Notice(Caution.LITTLES_LAW_OFF, f"{name}: loans × hold time is off by {off:+.0%}")
    if strategy in labels.ONE_PUSH_A_LOAN and abs(1 - loans.requests) > OTHER_LOANS:
        detail = f"{name}: {loans.requests:.2f} acknowledged requests a loan instead of 1"
        yield Notice(Caution.OTHER_LOANS, detail)


def _cells(runs: Sequence[Run], condition: Callable[[Trial], bool]) -> int:
    return len({trial.cell for run in runs for trial in run.trials if condition(trial)})


def _is_ours(runs: Sequence[Run]) -> bool:
    return all(run.manifest is not None for run in runs)
