"""The pool over time: connections in total, idle ones, and requests that wait for one or to share one."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from reports.charts import style, timelines
from reports.single_load import StageFigures

_GAUGES = (
    ("pool_total", "total connections", 0),
    ("pool_idle", "idle connections", 2),
    ("pool_waiting", "requests waiting", 1),
)
_BOARDING = ("boarding_waiting", "requests waiting to share a call", 3)


@style.themed
def draw(
    samples: pd.DataFrame,
    title: str = "The pool over time",
    columns: int = 2,
    stages: Sequence[StageFigures] = (),
) -> Figure:
    """Draw a `samples` frame of a few trials, one panel each; `stages` are those of the only one."""
    chosen = list(timelines.trials(samples))
    figure, axes = style.panels(len(chosen), title, columns)
    for axis, (name, rows) in zip(axes, chosen, strict=True):
        timelines.time_axis(axis, rows, stages)
        shared = [_BOARDING] if rows[_BOARDING[0]].gt(0).any() else []  # of coalesce, where anybody waited so
        for column, label, place in (*_GAUGES, *shared):
            look = style.look(place)
            axis.plot(
                rows["t_s"],
                rows[column],
                color=look.colour,
                linestyle=look.line,
                drawstyle="steps-post",
                label=label,
            )
        style.panel_title(axis, name)
    style.count_axes(axes, "connections or requests", whole=True)
    style.legend(figure, axes)
    return figure
