"""Readings in the Prometheus text format 0.0.4: every worker a label, so that the sum is the reader's.

Summed up here, a counter would fall whenever a worker is replaced, and Prometheus would take the whole
rest of it for new. A series of its own falls to 0, which `rate` and `increase` understand.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from msgspec import Struct

from queen.observe.boarding import BoardingReading
from queen.observe.instance import Readings
from queen.observe.levels import DurationHistogram
from queen.observe.metric import Kind, Metric, metrics_of
from queen.observe.pool import PoolReading
from queen.observe.reading import Rated, Reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(readings: Readings) -> str:
    """The whole answer, one family after the other."""
    lines = [
        *_family(Metric("queen_workers_expected", Kind.GAUGE, "Worker processes of the instance")),
        f"queen_workers_expected {readings.expected}",
        *_family(Metric("queen_workers_answered", Kind.GAUGE, "Worker processes that told their figures")),
        f"queen_workers_answered {len(readings.by_worker)}",
    ]
    pools = {worker: reading.pool for worker, reading in readings.by_worker.items()}
    boarding = {worker: reading.boarding for worker, reading in readings.by_worker.items()}
    kinds = ((Reading, readings.by_worker), (PoolReading, pools), (BoardingReading, boarding))
    for kind, by_worker in kinds:
        for field, metric in metrics_of(kind).items():
            lines += _family(metric)
            lines += _samples(metric, field, by_worker)
    return "\n".join(lines) + "\n"


def _family(metric: Metric) -> tuple[str, str]:
    return f"# HELP {metric.name} {metric.meaning}.", f"# TYPE {metric.name} {metric.kind.value}"


def _samples(metric: Metric, field: str, by_worker: Mapping[int, Struct]) -> Iterator[str]:
    for worker, told in sorted(by_worker.items()):
        value = getattr(told, field)
        if isinstance(value, DurationHistogram):
            yield from _histogram(metric.name, worker, value, getattr(told, metric.total))
        else:
            number = value.total if isinstance(value, Rated) else value
            yield f'{metric.name}{{worker="{worker}"}} {number}'


def _histogram(name: str, worker: int, counted: DurationHistogram, sum_s: float) -> Iterator[str]:
    """Cumulative buckets by upper bound in seconds, then sum and count."""
    bounds = [*(f"{le_ms / 1000:g}" for le_ms in counted.le_ms), "+Inf"]
    up_to = list(accumulate(counted.counts))
    for bound, count in zip(bounds, up_to, strict=True):
        yield f'{name}_bucket{{worker="{worker}",le="{bound}"}} {count}'
    yield f'{name}_sum{{worker="{worker}"}} {sum_s}'
    yield f'{name}_count{{worker="{worker}"}} {up_to[-1]}'
