"""Messages per second of the cells of `queen ceiling`: what the database can do, and what the server does."""

import pandas as pd
from matplotlib.figure import Figure

from reports.charts import style
from reports.charts.rows import Row, draw_rows, ends_of, height_in


@style.themed
def draw(levels: pd.DataFrame, title: str = "Messages per second", columns: int = 2) -> Figure:
    """Draw a `levels` frame (`reports.ceilings.frames`). Bars reach from the lowest to the highest round."""
    groups = list(levels.groupby("panel", sort=False))
    tallest = max(len(panel) for _, panel in groups)
    figure, axes = style.panels(len(groups), title, columns, height_in=height_in(tallest))
    ends = ends_of(_rows(levels))  # one scale for all panels: they are there to be compared
    for axis, (name, panel) in zip(axes, groups, strict=True):
        rows = _rows(panel)
        raw = panel["group"].iloc[0] == "raw"
        draw_rows(axis, rows, 2 if raw else 0, "sent directly" if raw else "our server", ends)
        style.panel_title(axis, str(name))
        axis.set_xlabel("messages/s (log scale)")
    style.legend(figure, axes)
    return figure


def _rows(levels: pd.DataFrame) -> list[Row]:
    return [
        Row(row["label"], row["median"], row["lowest"], row["highest"], style.thousands(row["median"]))
        for row in levels.to_dict("records")
    ]
