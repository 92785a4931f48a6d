"""The stages of a load whose rate changed, as a table for people."""

from rich.table import Table

from loadtests.results import StageResult, Trial


def stages_table(trial: Trial) -> Table | None:
    """One row for each stage that was measured to its end; None: the load did not change."""
    if not trial.stages:
        return None
    shown = Table(title="stages", title_justify="left")
    for column in ("stage", "offered msg/s", "acknowledged msg/s", "p50 ms", "p99 ms", "failed", "verdict"):
        shown.add_column(column, justify="left" if column in ("stage", "verdict") else "right")
    for stage in trial.stages:
        shown.add_row(*_row(stage))
    return shown


def _row(stage: StageResult) -> tuple[str, ...]:
    load, response = stage.load, stage.load.response
    failed = load.requests_not_done + load.requests_unknown + load.requests_missed + load.requests_held
    return (
        f"{stage.number} {stage.label}",
        "-" if stage.rate_msg_s is None else f"{stage.rate_msg_s:,.0f}",
        f"{load.throughput_msg_s:,.0f}",
        "-" if response is None else f"{response.p50_ms:.1f}",
        "-" if response is None else f"{response.p99_ms:.1f}",
        f"{failed:,}",
        stage.verdict,
    )
