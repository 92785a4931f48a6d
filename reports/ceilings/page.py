"""The page of such a run, and its charts as files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from loadtests import results
from loadtests.results import Ceilings, Manifest, RunFiles
from reports.ceilings import frames, wording
from reports.ceilings.advice import advice
from reports.ceilings.findings import CeilingFindings
from reports.charts import ceiling_courses, ceiling_levels, ceiling_ratios, svg
from reports.page.figures import PageChart, page_chart
from reports.page.templates import environment

HEADING = "What the database can do, and what the server makes of it"


@dataclass(frozen=True)
class Drawing:
    """One chart before it is drawn."""

    name: str
    title: str
    sentence: str
    draw: Callable[..., Figure]


def write(files: RunFiles, manifest: Manifest, ceilings: Ceilings, found: CeilingFindings) -> None:
    """Write report.html and charts/*.svg, each whole or not at all. Raises OSError."""
    drawings = tuple(_drawings(ceilings, found))
    charts = tuple(page_chart(each.name, each.sentence, each.title, each.draw) for each in drawings)
    results.replace(files.report, _render(manifest, ceilings, found, charts).encode())
    files.charts.mkdir(exist_ok=True)
    for each in drawings:
        svg.save(each.draw(title=each.title), files.charts / f"{each.name}.svg")


def _drawings(ceilings: Ceilings, found: CeilingFindings) -> Iterator[Drawing]:
    ratios = frames.ratios(found)
    if len(ratios):
        yield Drawing(
            "ratios",
            wording.headline(found),
            "The median of the rounds' ratios, the 95% interval (the range, of a single round), and the line "
            "where the ratio is wanted.",
            partial(ceiling_ratios.draw, ratios),
        )
    courses = frames.courses(ceilings)
    if len(courses):
        yield Drawing(
            "courses",
            wording.steadiness(ceilings.windows),
            "Each point is one step of the window, by what the table held at its edges; the dotted lines are "
            "the median steps.",
            partial(ceiling_courses.draw, courses),
        )
    levels = frames.levels(found)
    if len(levels):
        yield Drawing(
            "levels",
            wording.fastest(found),
            "Medians over the rounds; bars reach from the lowest to the highest round. Rounds differ by what "
            "the machine did meanwhile, which the ratios do not feel.",
            partial(ceiling_levels.draw, levels),
        )


def _render(
    manifest: Manifest, ceilings: Ceilings, found: CeilingFindings, charts: tuple[PageChart, ...]
) -> str:
    return (
        environment()
        .get_template("ceilings.html.j2")
        .render(
            title=manifest.title,
            heading=HEADING,
            manifests=[manifest],
            manifest=manifest,
            ceilings=ceilings,
            headline=wording.headline(found),
            fastest=wording.fastest(found),
            advice=advice(found),
            database=wording.database(manifest),
            ratio_headings=wording.RATIO_HEADINGS,
            ratio_rows=[wording.ratio_row(each) for each in found.ratios],
            ratio_caption=wording.RATIO_CAPTION,
            cell_headings=wording.CELL_HEADINGS,
            cell_rows=[wording.cell_row(each) for each in found.cells],
            cell_caption=wording.CELL_CAPTION,
            invalid=found.invalid,
            charts=charts,
        )
    )
