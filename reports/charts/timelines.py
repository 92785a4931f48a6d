"""What every chart over a trial's time shares: one panel a trial, the warm-up shaded."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.charts import style
from reports.labels import round_trip


def trials(samples: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """(panel title, rows by rising time) of each trial, in the frame's order."""
    for _, rows in samples.groupby(["run_id", "trial_id"], sort=False):
        first = rows.iloc[0]
        strategy = "" if pd.isna(first["strategy"]) else f"{first['strategy']}, "
        pool = "" if pd.isna(first["pool"]) else f", pool {first['pool']}"
        name = f"{strategy}{_way(first)}{pool}"
        yield name, rows.sort_values("t_s")


def _way(first: "pd.Series[Any]") -> str:
    direct = first["direct_rtt_ms"]
    return round_trip(float(first["db_rtt_ms"]), None if pd.isna(direct) else float(direct))


def time_axis(axis: Axes, rows: pd.DataFrame) -> None:
    """Seconds from the start of the measured window; what came before is shaded."""
    start, end = float(rows["t_s"].min()), float(rows["t_s"].max())
    axis.set_xlim(start, end)
    if start < 0:
        axis.axvspan(start, 0, color=style.SHADE.light, zorder=0, linewidth=0, label="warm-up")
    axis.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axis.set_xlabel("time since the measured window began (s)")
