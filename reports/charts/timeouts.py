"""Time-outs against pool size: requests per second that got no connection in time, each trial a dot."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts import style
from reports.labels import with_labels


@style.themed
def draw(trials: pd.DataFrame, title: str = "Time-outs against pool size", columns: int = 2) -> Figure:
    """Draw the valid rows of a `trials` frame of one part; the line joins the means."""
    frame = with_labels(trials[trials["valid"]].dropna(subset=["pool"]))
    groups = [panel for _, panel in frame.groupby(["db_rtt_ms", "connection_timeout_ms"], dropna=False)]
    figure, axes = style.panels(len(groups), title, columns)
    names = list(dict.fromkeys(frame["series"]))
    for axis, panel in zip(axes, groups, strict=True):
        for place, name in enumerate(names):
            rows = panel[panel["series"] == name]
            colour, marker = style.SERIES[place + 1].light, style.MARKERS[place]
            means = rows.groupby("pool")["timeouts_s"].mean()
            pools = means.index.to_numpy(float)
            axis.plot(pools, means, color=colour, linestyle=style.LINES[place], label=f"{name}: mean")
            axis.plot(
                rows["pool"].to_numpy(float),
                rows["timeouts_s"],
                marker,
                color=colour,
                label=f"{name}: one trial",
            )
        for pool, mean in panel.groupby("pool")["timeouts_s"].mean().items():
            _annotate(axis, float(str(pool)), float(mean))
        style.pool_axis(axis, [int(pool) for pool in panel["pool"]])
        axis.set_title(_panel_title(panel))
    style.count_axes(axes, "time-outs per second", columns)
    style.legend(figure, axes)
    return figure


def _annotate(axis: Axes, pool: float, mean: float) -> None:
    offset: dict[str, Any] = {"xytext": (7, 6), "textcoords": "offset points"}
    axis.annotate(style.thousands(mean), (pool, mean), color=style.INK.light, **offset)


def _panel_title(panel: pd.DataFrame) -> str:
    limit = panel["connection_timeout_ms"].iloc[0]
    within = "" if pd.isna(limit) else f", DB_CONNECTION_TIMEOUT {int(limit)} ms"
    return f"{panel['panel'].iloc[0]}{within}"
