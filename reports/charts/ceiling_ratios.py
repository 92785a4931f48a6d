"""The ratios of `queen ceiling`, each with its interval and the line where it is wanted."""

import math

import pandas as pd
from matplotlib.figure import Figure

from reports.charts import style
from reports.charts.rows import Row, draw_rows, ends_of, height_in


@style.themed
def draw(ratios: pd.DataFrame, title: str = "Ratios within a round", columns: int = 2) -> Figure:
    """Draw a `ratios` frame (`reports.ceilings.frames`): one panel for those judged, one for the others."""
    groups = list(ratios.groupby("panel", sort=False))
    tallest = max(len(panel) for _, panel in groups)
    figure, axes = style.panels(len(groups), title, columns, height_in=height_in(tallest))
    for axis, (name, panel) in zip(axes, groups, strict=True):
        rows = [
            Row(
                row["label"],
                row["median"],
                row["low"],
                row["high"],
                f"{row['median']:.2f}" + (f" ({row['wanted_text']})" if row["wanted_text"] else ""),
                None if math.isnan(row["wanted"]) else row["wanted"],
            )
            for row in panel.to_dict("records")
        ]
        draw_rows(axis, rows, 0, "median, with 95% interval", ends_of(rows))
        axis.axvline(1.0, color=style.MUTED.light, linewidth=1.0, linestyle=":")
        style.panel_title(axis, str(name))
        axis.set_xlabel("ratio (log scale)")
    style.legend(figure, axes)
    return figure
