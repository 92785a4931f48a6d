"""A load's stages, and what consumers received, as rows of formatted texts; the page only arranges them."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.results import stage_name
from reports.single_load import StageFigures
from reports.tables import number
from reports.verdict import DeliveryTotals


@dataclass(frozen=True)
class StageRow:
    """One stage."""

    name: str
    offered: str
    throughput: str
    p50: str
    p99: str
    failed: str
    verdict: str
    counted: bool


@dataclass(frozen=True)
class GroupRow:
    """What one group of consumers received."""

    name: str
    delivered: str
    missing: str
    nacked: str
    lapsed: str
    again: str
    unexplained: str
    out_of_order: str
    remark: str


def stages(found: Sequence[StageFigures]) -> tuple[StageRow, ...]:
    """A row for each stage that was measured to its end."""
    return tuple(
        StageRow(
            name=stage_name(stage.number, stage.label, stage.rate_msg_s),
            offered=number(stage.rate_msg_s),
            throughput=f"{stage.throughput:,.0f}",
            p50=number(stage.p50_ms),
            p99=number(stage.p99_ms),
            failed=f"{stage.failed:,}",
            verdict=stage.verdict,
            counted=stage.counted,
        )
        for stage in found
    )


def groups(found: Sequence[DeliveryTotals]) -> tuple[GroupRow, ...]:
    """A row for each group of consumers."""
    return tuple(
        GroupRow(
            name=group.group,
            delivered=f"{'at least ' if group.unjudged else ''}{group.delivered:,}",
            missing=_count(group.undelivered),
            nacked=f"{group.nacked:,}",
            lapsed=f"{group.lapsed:,}",
            again=_count(group.again),
            unexplained=_count(group.unexplained),
            out_of_order=f"{group.out_of_order:,}",
            remark=group.unjudged,
        )
        for group in found
    )


def _count(messages: int | None) -> str:
    return "not known" if messages is None else f"{messages:,}"
