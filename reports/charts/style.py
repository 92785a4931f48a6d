"""The one look of all charts: palette, type sizes, panels, axes.

The series colours are Okabe & Ito's, which colour-blind readers can tell apart ("Color Universal Design",
2008); marker and line style differ as well, so that print in grey stays readable. Each colour has a twin
for dark pages: `svg` writes colours as CSS variables of these names.
"""

import textwrap
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator


class Colour(NamedTuple):
    """One colour by role: its CSS variable, and its value on light and on dark paper."""

    variable: str
    light: str
    dark: str


INK = Colour("--chart-ink", "#1f2328", "#e6e9ee")
MUTED = Colour("--chart-muted", "#5b6470", "#a3adba")
GRID = Colour("--chart-grid", "#dfe3e8", "#333b46")
SHADE = Colour("--chart-shade", "#f1f3f5", "#20262e")
PAPER = Colour("--chart-paper", "#ffffff", "#171b21")
SERIES = (
    Colour("--chart-blue", "#0072b2", "#58b0ea"),
    Colour("--chart-vermilion", "#d55e00", "#ff9351"),
    Colour("--chart-green", "#009e73", "#3fcf9f"),
    Colour("--chart-purple", "#cc79a7", "#e59fc6"),
    Colour("--chart-amber", "#e69f00", "#f5bd4a"),
    Colour("--chart-sky", "#56b4e9", "#9cd6fa"),
)
THEMED = (INK, MUTED, GRID, SHADE, PAPER, *SERIES)
_MARKERS = ("o", "s", "^", "D", "v", "P")
_LINES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)), (0, (3, 1)), "-")

FLATTENED = 20  # highest over lowest: at a linear axis' foot a factor of two is then no longer seen

PANEL_WIDTH_IN, PANEL_HEIGHT_IN = 4.3, 3.0
_TITLE_CHARACTERS_AN_INCH, _PANEL_TITLE_CHARACTERS = 9.6, 44  # of their type sizes
_CHARACTER_IN, _HANDLE_IN = 0.08, 0.55  # of a legend: a letter, and what stands before and after an entry

RC: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.color": INK.light,
    "axes.edgecolor": MUTED.light,
    "axes.labelcolor": INK.light,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.facecolor": PAPER.light,
    "figure.facecolor": PAPER.light,
    "savefig.facecolor": PAPER.light,
    "grid.color": GRID.light,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED.light,
    "ytick.color": MUTED.light,
    "xtick.labelcolor": INK.light,
    "ytick.labelcolor": INK.light,
    "lines.linewidth": 1.8,
    "lines.markersize": 6,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "queen",
}

themed = matplotlib.rc_context(RC)
"""Decorator for every `draw`: its figure gets the look, and the caller's settings stay as they were."""


class Look(NamedTuple):
    """What tells one series from another, in every chart the same way."""

    colour: str
    marker: str
    line: Any  # matplotlib's linestyle


def look(place: int) -> Look:
    """The look of the series at `place` among its siblings; after the sixth they begin anew."""
    return Look(
        SERIES[place % len(SERIES)].light, _MARKERS[place % len(_MARKERS)], _LINES[place % len(_LINES)]
    )


def panels(
    count: int,
    title: str,
    columns: int,
    sharey: bool = False,
    height_in: float = PANEL_HEIGHT_IN,
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels, `columns` side by side, below a title that is wrapped to fit."""
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    width_in = max(PANEL_WIDTH_IN * columns, PANEL_WIDTH_IN + 0.2)
    lines = textwrap.wrap(title, int(width_in * _TITLE_CHARACTERS_AN_INCH))
    size = (width_in, height_in * rows + 0.55 + 0.22 * len(lines))
    spacing = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.04, hspace=0.06)
    figure = Figure(figsize=size, layout=spacing)
    figure.suptitle("\n".join(lines), x=0.012, ha="left", fontsize=11.5, fontweight="bold")
    grid = figure.subplots(rows, columns, sharey=sharey, squeeze=False)
    axes = [axis for row in grid for axis in row]
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, axes[:count]


def panel_title(axis: Axes, title: str) -> None:
    """Name a panel, in as many lines as its width asks for."""
    axis.set_title(textwrap.fill(title, _PANEL_TITLE_CHARACTERS))


def legend(figure: Figure, axes: Iterable[Axes], columns: int = 4) -> None:
    """One legend below all panels, each entry once."""
    entries: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        fits = _columns_that_fit(list(entries), figure.get_figwidth(), columns)
        figure.legend(entries.values(), entries.keys(), loc="outside lower left", ncols=fits)


def _columns_that_fit(labels: Sequence[str], width_in: float, most: int) -> int:
    """How many columns of a legend have room side by side; matplotlib fills one after the other."""
    for columns in range(min(most, len(labels)), 1, -1):
        rows, longer = divmod(len(labels), columns)
        ends = [rows * column + min(column, longer) for column in range(columns + 1)]
        longest = (max(map(len, labels[start:end])) for start, end in pairwise(ends))
        if sum(count * _CHARACTER_IN + _HANDLE_IN for count in longest) <= width_in:
            return columns
    return 1


def pool_axis(axis: Axes, pools: Sequence[int]) -> None:
    """Pool sizes on a log scale, with a tick at each size that was tried."""
    sizes = sorted(set(pools))
    axis.set_xscale("log")
    axis.set_xlim(sizes[0] / 1.35, sizes[-1] * 1.35)
    axis.xaxis.set_major_locator(FixedLocator(_spaced(sizes)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size:g}"))
    axis.set_xlabel("DB_POOL_SIZE (connections)")


def label_y(axes: Iterable[Axes], label: str) -> None:
    """Name the y axis: at the first panel of each row where the panels share it, else at every panel."""
    for axis in axes:
        place = axis.get_subplotspec()
        if not _shares_y(axis) or place is None or place.is_first_col():
            axis.set_ylabel(label)


def count_axes(axes: Sequence[Axes], label: str, whole: bool = False) -> None:
    """Linear axes of counts or rates from zero: 10k for 10,000; `whole`: no ticks between integers."""
    tallest = max(axis.dataLim.ymax for axis in axes)
    for axis in axes:
        highest = tallest if _shares_y(axis) else axis.dataLim.ymax
        axis.set_ylim(0, max(highest, 1e-9) * 1.12 if highest > 0 else 1)
        axis.yaxis.set_major_locator(MaxNLocator(nbins=5, min_n_ticks=2, integer=whole))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: thousands(value)))
    label_y(axes, label)


def rate_axes(axes: Sequence[Axes], label: str) -> None:
    """Axes of rates: linear from zero, or logarithmic where that would press what is drawn to the floor.

    A log axis shows equal ratios as equal heights; its label says that it is one.
    """
    drawn = [value for axis in axes for line in axis.get_lines() for value in _positive(line.get_ydata())]
    if not drawn or max(drawn) < FLATTENED * min(drawn):
        count_axes(axes, label)
        return
    for axis in axes:
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: thousands(value)))
    label_y(axes, f"{label} (log scale)")


def _positive(values: Any) -> list[float]:
    return [float(value) for value in values if value > 0]


def time_scale_axis(axis: Axes) -> None:
    """A log axis of milliseconds with ticks at 1, 2 and 5."""
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def thousands(value: float) -> str:
    """950, 1.5k, 17k, 2.1M."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def _shares_y(axis: Axes) -> bool:
    return len(axis.get_shared_y_axes().get_siblings(axis)) > 1


def _spaced(sizes: Sequence[int]) -> list[int]:
    """Sizes whose labels do not touch on a log axis."""
    kept: list[int] = []
    for size in sizes:
        if not kept or size / kept[-1] >= 1.25:
            kept.append(size)
    return kept
