"""Charts of many named rows: one row a figure, its name above its line, a point with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from reports.charts import style

ROW_HEIGHT_IN = 0.36
_NAME_ABOVE = 0.17  # of a row
_ROOM = 1.35  # on both sides, as a factor


@dataclass(frozen=True)
class Row:
    """A figure with its interval (or range); `wanted`: where it should be, or beyond."""

    name: str
    value: float
    low: float
    high: float
    shown: str  # the value as text
    wanted: float | None = None


def height_in(rows: int) -> float:
    """Of a panel with that many rows."""
    return 0.7 + ROW_HEIGHT_IN * rows


def draw_rows(axis: Axes, rows: Sequence[Row], place: int, label: str, ends: Sequence[float]) -> None:
    """Fill a panel from top to bottom, on a log axis that reaches over `ends`."""
    look = style.look(place)
    for number, row in enumerate(rows):
        axis.plot([row.low, row.high], [number, number], color=look.colour, linewidth=2.2, alpha=0.55)
        axis.plot([row.value], [number], marker=look.marker, color=look.colour, linestyle="none", label=label)
        if row.wanted is not None:
            axis.plot(
                [row.wanted, row.wanted],
                [number - 0.14, number + 0.26],
                color=style.SERIES[1].light,
                linewidth=2.2,
                label="wanted",
            )
        axis.text(
            0.0,
            number - _NAME_ABOVE,
            f"{row.name}: {row.shown}",
            transform=axis.get_yaxis_transform(),
            fontsize=8,
            color=style.INK.light,
            va="bottom",
        )
    axis.set_ylim(len(rows) - 0.4, -0.9)
    axis.yaxis.set_major_locator(NullLocator())
    _log_axis(axis, ends)


def ends_of(rows: Sequence[Row]) -> list[float]:
    """All that an axis must reach."""
    return [
        end
        for row in rows
        for end in (row.low, row.high, row.value, row.wanted)
        if end is not None and end > 0
    ]


def _log_axis(axis: Axes, ends: Sequence[float]) -> None:
    axis.set_xscale("log")
    if ends:
        axis.set_xlim(min(ends) / _ROOM, max(ends) * _ROOM)
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=10))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: style.thousands(value)))
    axis.tick_params(axis="x", labelsize=8.5)
    axis.grid(visible=True, axis="x")
    axis.spines["left"].set_visible(False)
