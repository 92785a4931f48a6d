"""What every chart over a trial's time shares: one panel a trial, what was not measured shaded."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from reports.charts import style
from reports.labels import round_trip
from reports.single_load import StageFigures

MOST_NUMBERS = 16  # of stages that fit side by side


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


def time_axis(axis: Axes, rows: pd.DataFrame, stages: Sequence[StageFigures] = ()) -> None:
    """Seconds from the start of the measured window; what came before is shaded.

    With stages each has its number at the upper edge, and what lies between them is shaded.
    """
    start, end = float(rows["t_s"].min()), float(rows["t_s"].max())
    axis.set_xlim(start, end)
    if stages:
        _mark_stages(axis, stages, start, end)
    elif start < 0:
        axis.axvspan(start, 0, color=style.SHADE.light, zorder=0, linewidth=0, label="warm-up")
    axis.xaxis.set_major_locator(MaxNLocator(nbins=6))
    window = "first stage's" if stages else "measured"
    axis.set_xlabel(f"time since the {window} window began (s)")


def _mark_stages(axis: Axes, stages: Sequence[StageFigures], start: float, end: float) -> None:
    edges = [start, *(edge for stage in stages for edge in (stage.start_s, stage.end_s)), end]
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        axis.axvspan(low, high, color=style.SHADE.light, zorder=0, linewidth=0, label="not measured")
    every = -(-len(stages) // MOST_NUMBERS)
    for stage in stages[::every]:
        axis.annotate(
            str(stage.number),
            ((stage.start_s + stage.end_s) / 2, 0.97),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="top",
            fontsize="small",
        )
