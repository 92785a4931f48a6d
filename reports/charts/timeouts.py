"""Time-outs against pool size: requests per second that got no connection in time, each trial a dot."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts import style
from reports.labels import with_labels

_BESIDE: dict[str, Any] = {"xytext": (7, 6), "textcoords": "offset points", "color": style.INK.light}


@style.themed
def draw(trials: pd.DataFrame, title: str = "Time-outs against pool size", columns: int = 2) -> Figure:
    """Draw the valid rows of a `trials` frame of one part that have a rate; the line joins the means."""
    frame = with_labels(trials[trials["valid"]].dropna(subset=["pool", "timeouts_s"]))
    groups = [panel for _, panel in frame.groupby(["db_rtt_ms", "connection_timeout_ms"], dropna=False)]
    figure, axes = style.panels(len(groups), title, columns)
    names = list(dict.fromkeys(frame["series"]))
    for axis, panel in zip(axes, groups, strict=True):
        for place, name in enumerate(names):
            _series(axis, panel[panel["series"] == name], name, place)
        style.pool_axis(axis, [int(pool) for pool in panel["pool"]])
        style.panel_title(axis, _panel_title(panel))
    style.count_axes(axes, "time-outs per second")
    style.legend(figure, axes)
    return figure


def _series(axis: Axes, rows: pd.DataFrame, name: str, place: int) -> None:
    """The line of the means, each with its number, and a dot for each trial."""
    if rows.empty:
        return
    look = style.look(place)
    means = rows.groupby("pool")["timeouts_s"].mean()
    pools = means.index.to_numpy(float)
    axis.plot(pools, means, color=look.colour, linestyle=look.line, label=f"{name}: mean")
    trials: dict[str, Any] = {"color": look.colour, "marker": look.marker, "linestyle": "none"}
    axis.plot(rows["pool"].to_numpy(float), rows["timeouts_s"], **trials, label=f"{name}: one trial")
    for pool, mean in zip(pools, means, strict=True):
        if mean:
            axis.annotate(style.thousands(mean), (pool, mean), **_BESIDE)


def _panel_title(panel: pd.DataFrame) -> str:
    limit = panel["connection_timeout_ms"].iloc[0]
    within = "" if pd.isna(limit) else f", {int(limit)} ms time-out"
    return f"{panel['panel'].iloc[0]}{within}"
