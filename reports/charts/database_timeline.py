"""What the database's connections do over time: by state, and the active ones by what they wait for."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.charts import style, timelines
from reports.single_load import StageFigures

_STATES = (
    ("db_active", "active", 0),
    ("db_idle_in_transaction", "idle in transaction", 1),
    ("db_idle", "idle", 5),
)
_WAITS = (
    ("db_running", "running", 2),
    ("db_wait_lock", "lock", 1),
    ("db_wait_lwlock", "lightweight lock", 4),
    ("db_wait_io", "I/O", 3),
    ("db_wait_client", "client", 5),
    ("db_wait_other", "other", 0),
)


@style.themed
def draw(
    samples: pd.DataFrame,
    title: str = "Database connections over time",
    columns: int = 2,
    stages: Sequence[StageFigures] = (),
) -> Figure:
    """Draw a `samples` frame of a few trials: two panels each (state, wait event type), stacked."""
    chosen = list(timelines.trials(samples))
    figure, axes = style.panels(2 * len(chosen), title, 2 if columns > 1 else 1, height_in=2.7)
    for place, (name, rows) in enumerate(chosen):
        by_state, by_wait = axes[2 * place], axes[2 * place + 1]
        for axis in (by_state, by_wait):
            timelines.time_axis(axis, rows, stages)
        _stack(by_state, rows, _STATES, "")
        style.panel_title(by_state, name)
        _stack(by_wait, rows, _WAITS, "waits for: ")
        style.panel_title(by_wait, "the active ones by what they wait for")
        style.count_axes([by_state], "connections by state", whole=True)
        style.count_axes([by_wait], "", whole=True)
        by_wait.set_ylim(by_state.get_ylim())
    style.legend(figure, axes)
    return figure


def _stack(axis: Axes, rows: pd.DataFrame, layers: tuple[tuple[str, str, int], ...], prefix: str) -> None:
    # When no sample found a connection at work, the first layer is drawn at zero.
    used = [layer for layer in layers if rows[layer[0]].fillna(0).any()] or layers[:1]
    axis.stackplot(
        rows["t_s"],
        *(rows[column].fillna(0) for column, _, _ in used),
        labels=[label if label == "running" else prefix + label for _, label, _ in used],
        colors=[style.look(place).colour for _, _, place in used],
        alpha=0.85,
        linewidth=0,
        step="post",
    )
