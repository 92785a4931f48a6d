"""Connections needed by Little's law beside the busy connections that the pool measured."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from reports.charts import style
from reports.labels import with_labels

_DODGE = 1.07  # so that series with equal figures stay visible side by side


@style.themed
def draw(
    estimates: pd.DataFrame,
    title: str = "Connections needed (loans/s × hold time) and connections busy",
    columns: int = 2,
) -> Figure:
    """Draw an `estimates` frame. The dotted line is the pool size: no more connections can be busy."""
    frame = with_labels(estimates.dropna(subset=["pool", "needed", "busy"]))
    groups = list(frame.groupby("db_rtt_ms"))
    figure, axes = style.panels(len(groups), title, columns)
    names = list(dict.fromkeys(frame["series"]))
    for axis, (_, panel) in zip(axes, groups, strict=True):
        pools = sorted({int(pool) for pool in panel["pool"]})
        axis.plot(pools, pools, linestyle=":", color=style.MUTED.light, linewidth=1.4, label="pool size")
        for place, name in enumerate(names):
            rows = panel[panel["series"] == name]
            pool = rows["pool"].to_numpy(float) * _DODGE ** (place - (len(names) - 1) / 2)
            look = style.look(place)
            mark: dict[str, Any] = {"marker": look.marker, "color": look.colour, "linestyle": "none"}
            axis.plot(pool, rows["busy"], **mark, markersize=5, label=f"{name}: busy")
            axis.plot(
                pool, rows["needed"], **mark, markersize=11, markerfacecolor="none", label=f"{name}: needed"
            )
        style.pool_axis(axis, pools)
        axis.set_yscale("log")
        axis.yaxis.set_major_locator(FixedLocator([0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500]))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        style.panel_title(axis, panel["panel"].iloc[0])
    style.label_y(axes, "connections (time average)")
    style.legend(figure, axes, columns=3)
    return figure
