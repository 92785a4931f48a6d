"""The stages of a load whose rate changed, as a table for people."""

from rich.table import Table

from loadtests.results import StageResult, Trial, stage_name


def stages_table(trial: Trial) -> Table | None:
    """One row for each stage that was measured to its end; None: the load did not change."""
    if not trial.stages:
        return None
    judged = any(stage.verdict for stage in trial.stages)
    shown = Table(title="stages, messages/s", title_justify="left")
    shown.add_column("stage", no_wrap=True)
    for column in ("offered", "stored", "p50 ms", "p99 ms", "failed"):
        shown.add_column(column, justify="right", no_wrap=True)
    if judged:
        shown.add_column("verdict", overflow="fold")
    for stage in trial.stages:
        shown.add_row(*_row(stage), *([stage.verdict] if judged else []))
    return shown


def _row(stage: StageResult) -> tuple[str, ...]:
    load, response = stage.load, stage.load.response
    return (
        stage_name(stage.number, stage.label, stage.rate_msg_s),
        "-" if stage.rate_msg_s is None else f"{stage.rate_msg_s:,.0f}",
        f"{load.throughput_msg_s:,.0f}",
        "-" if response is None else f"{response.p50_ms:.1f}",
        "-" if response is None else f"{response.p99_ms:.1f}",
        f"{load.requests_failed:,}",
    )
