"""Throughput against pool size: a panel for each round trip, a line for each strategy, with intervals."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts import style
from reports.labels import with_labels


@style.themed
def draw(
    estimates: pd.DataFrame,
    title: str = "Throughput against pool size",
    columns: int = 2,
    unit: str = "messages",
) -> Figure:
    """Draw an `estimates` frame (`reports.estimates`). Bars are 95 % intervals for comparing cells."""
    frame = with_labels(estimates.dropna(subset=["pool"]))
    groups = list(frame.groupby("db_rtt_ms"))
    figure, axes = style.panels(len(groups), title, columns, sharey=True)
    names = list(dict.fromkeys(frame["series"]))
    for axis, (_, panel) in zip(axes, groups, strict=True):
        for place, name in enumerate(names):
            _line(axis, panel[panel["series"] == name], name, place)
        style.pool_axis(axis, [int(pool) for pool in panel["pool"]])
        style.panel_title(axis, panel["panel"].iloc[0])
    style.rate_axes(axes, f"acknowledged {unit}/s")
    _ring(axes, groups)
    style.legend(figure, axes)
    return figure


def _line(axis: Axes, rows: pd.DataFrame, name: str, place: int) -> None:
    if rows.empty:
        return
    look = style.look(place)
    pool, level = rows["pool"].to_numpy(float), rows["throughput"].to_numpy(float)
    axis.plot(
        pool,
        level,
        color=look.colour,
        linestyle=look.line,
        marker=look.marker,
        label=name,
    )
    known = rows["low"].notna().to_numpy()
    if known.any():
        below = (level - rows["low"].to_numpy(float))[known]
        above = (rows["high"].to_numpy(float) - level)[known]
        bars = (below, above)
        axis.errorbar(
            pool[known], level[known], yerr=bars, fmt="none", ecolor=look.colour, capsize=4, elinewidth=1.4
        )


def _ring(axes: list[Axes], groups: list[tuple[Any, pd.DataFrame]]) -> None:
    """A ring round the recommended pool of each line."""
    look: dict[str, Any] = {"markersize": 15, "markerfacecolor": "none", "markeredgewidth": 1.5}
    for axis, (_, panel) in zip(axes, groups, strict=True):
        best = panel[panel["recommended"]]
        if len(best):
            pool, level = best["pool"].to_numpy(float), best["throughput"].to_numpy(float)
            ink = style.INK.light
            axis.plot(pool, level, "o", markeredgecolor=ink, label="recommended pool", **look)
