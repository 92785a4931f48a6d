"""Renders the page and writes it, whole or not at all."""

from functools import cache
from pathlib import Path

from jinja2 import Environment

from loadtests import results
from reports import claims, labels, load_tables, recommendation, tables, wording
from reports.advice import by_caution
from reports.dataset import Dataset
from reports.page import calculator, cards, figures
from reports.page.templates import environment
from reports.stats.littles_law import COMFORTABLE_UTILISATION
from reports.verdict import Verdict


def render(dataset: Dataset, verdict: Verdict) -> str:
    """The whole page as one HTML text."""
    manifests = [run.manifest for run in dataset.runs if run.manifest is not None]
    title = manifests[0].title if manifests else "Pool size"
    shown = cards.cards(verdict.curves) if verdict.load is None else ()
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            title=title,
            heading=title,
            manifests=manifests,
            cells=[trial.cell for run in dataset.runs for trial in run.trials],
            headline=wording.law(verdict) if shown else wording.headline(verdict),
            findings=wording.findings(verdict),
            how_to_read=claims.how_to_read(verdict.validity.precision),
            cautions=by_caution(verdict.notices),
            cards=shown,
            circumstances=wording.circumstances(verdict.circumstances) if verdict.circumstances else "",
            waiting=wording.waiting(verdict.curves),
            table=tables.table(verdict.curves, verdict.silent),
            offered=tables.offered(verdict.offered),
            stages=load_tables.stages(verdict.load.stages if verdict.load else ()),
            groups=load_tables.groups(verdict.accounting.deliveries if verdict.accounting else ()),
            latencies=tables.latencies(dataset),
            charts=figures.draw_all(dataset, verdict),
            presets=calculator.presets(verdict.curves),
            utilisation=COMFORTABLE_UTILISATION,
            verdict=verdict,
            instance=labels.instance,
            knees=[
                (wording.curve_name(curve, verdict.curves), recommendation.knee(curve))
                for curve in verdict.curves
            ],
            precisions=[wording.precision(found) for found in verdict.validity.precision],
        )
    )


def write(dataset: Dataset, verdict: Verdict, path: Path) -> None:
    """Render to `path`. Raises OSError (for instance no space); an old report then stays as it was."""
    results.replace(path, render(dataset, verdict).encode())


@cache
def _environment() -> Environment:
    made: Environment = environment().overlay()
    made.filters["number"] = tables.number
    return made
