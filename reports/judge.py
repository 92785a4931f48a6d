"""Dataset → verdict: the order in which the findings are made, and nothing else."""

from reports.dataset import Dataset
from reports.findings import (
    accounting,
    cautions,
    circumstances,
    curves,
    limits,
    offered,
    single_load,
    timeouts,
    validity,
)
from reports.runs import one_unit
from reports.verdict import Verdict


def judge(dataset: Dataset) -> Verdict:
    """All findings. Raises `ResultError` when the runs' units cannot be put together."""
    runs = dataset.runs
    unit = one_unit(runs)
    waits = limits.waits_by_trial(dataset.samples)
    parts = curves.parts(runs)
    found = {part.name: curves.curves(part, limits.limits(part, waits)) for part in parts}
    every = tuple(curve for part in parts for curve in found[part.name])
    silent = curves.silent(runs)
    audit = accounting.accounting(runs)
    load = single_load.of(runs)
    checked = validity.validity(runs, parts if load is None else ())
    return Verdict(
        runs=tuple(run.name for run in runs),
        unit=unit,
        curves=every,
        gains=tuple(gain for part in parts for gain in curves.gains(part, found[part.name])),
        silent=silent,
        timeouts=timeouts.count(runs),
        offered=offered.loads(runs),
        accounting=audit,
        validity=checked,
        notices=cautions.notices(runs, every if load is None else (), silent, checked, audit),
        circumstances=circumstances.of(runs),
        load=load,
    )
