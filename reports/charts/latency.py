"""Latency percentiles against pool size, from merged histograms; whiskers are the single trials' range."""

import pandas as pd
from matplotlib.figure import Figure

from reports.charts import style
from reports.labels import with_labels

_DODGE = 1.05  # so that the bars of the three do not hide each other
_PERCENTILES = (("p50", "p50 (median)"), ("p95", "p95"), ("p99", "p99"))


def clock_of(latency: pd.DataFrame) -> str:
    """What a user feels, "response"; or "service", where a closed loop has no other."""
    return "response" if (latency["clock"] == "response").any() else "service"


@style.themed
def draw(
    latency: pd.DataFrame,
    title: str = "Latency against pool size",
    columns: int = 2,
    clock: str | None = None,
) -> Figure:
    """Draw a `latency` frame of one part. `clock`: "response", "service", or None for that of `clock_of`."""
    clock = clock or clock_of(latency)
    frame = with_labels(latency[latency["clock"] == clock].dropna(subset=["pool"]))
    groups = list(frame.groupby(["db_rtt_ms", "series"], sort=False))
    figure, axes = style.panels(len(groups), title, columns, sharey=True)
    for axis, (_, rows) in zip(axes, groups, strict=True):
        for place, (name, label) in enumerate(_PERCENTILES):
            pool = rows["pool"].to_numpy(float) * _DODGE ** (place - 1)
            look = style.look(place)
            low, high = rows[f"{name}_low_ms"], rows[f"{name}_high_ms"]
            axis.vlines(pool, low, high, color=look.colour, linewidth=1.4, capstyle="butt")
            axis.plot(
                pool,
                rows[f"{name}_ms"],
                color=look.colour,
                marker=look.marker,
                linestyle=look.line,
                label=label,
            )
        style.pool_axis(axis, [int(size) for size in rows["pool"]])
        style.time_scale_axis(axis)
        style.panel_title(axis, f"{rows['series'].iloc[0]}, {rows['panel'].iloc[0]}")
    style.label_y(axes, f"{clock} time (ms)")
    style.legend(figure, axes)
    return figure
