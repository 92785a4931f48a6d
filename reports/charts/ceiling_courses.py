"""Rates over the time of a window of `queen ceiling`, step by step, with the median step of each."""

import pandas as pd
from matplotlib.figure import Figure

from reports.charts import style


@style.themed
def draw(courses: pd.DataFrame, title: str = "Rates over time", columns: int = 2) -> Figure:
    """Draw a `courses` frame (`reports.ceilings.frames`): one panel a window, one line a rate."""
    windows = list(courses.groupby("panel", sort=False))
    figure, axes = style.panels(len(windows), title, columns)
    for axis, (panel, window) in zip(axes, windows, strict=True):
        for place, (name, rows) in enumerate(window.groupby("name", sort=False)):
            look = style.look(place)
            axis.plot(
                rows["t_s"],
                rows["rate"],
                color=look.colour,
                linestyle=look.line,
                marker=look.marker,
                markersize=4,
                label=str(name),
            )
            axis.axhline(
                rows["rate"].median(), color=look.colour, linewidth=0.8, linestyle=":", label="their medians"
            )
        axis.set_xlim(0, window["end_s"].max())
        axis.set_xlabel("time since the window began (s)")
        style.panel_title(axis, str(panel))
    style.count_axes(axes, str(courses["unit"].iloc[0]).replace("msg/s", "messages/s"))
    style.legend(figure, axes)
    return figure
