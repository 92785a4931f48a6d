"""What a figure of a reading is: its meaning, its Prometheus name, and how the workers' figures add up.

    pushed: Annotated[Rated, counter("queen_pushed_messages_total", "Messages stored")]

is all that there is to say: the help text of /metrics/prometheus and the description in /openapi.json
are the same words, and `Additive` adds figures up unless they are marked as the `largest` of all.
"""

import enum
import functools
import operator
from collections.abc import Callable
from typing import Any, Self, get_type_hints

from msgspec import Meta, Struct


class Kind(enum.Enum):
    """The metric types of the Prometheus text format that we use."""

    COUNTER = "counter"  # grows from the worker's start on
    GAUGE = "gauge"  # what is now
    HISTOGRAM = "histogram"


class Metric(Struct, frozen=True):
    """The name and type of a field in /metrics/prometheus; `total` names a histogram's field of the sum."""

    name: str
    kind: Kind
    meaning: str
    total: str = ""


def counter(name: str, meaning: str) -> Meta:
    """A figure that only grows; the name ends in `_total`."""
    return _marked(Metric(name, Kind.COUNTER, meaning))


def gauge(name: str, meaning: str) -> Meta:
    """A figure that rises and falls, and of which the instance has the sum."""
    return _marked(Metric(name, Kind.GAUGE, meaning))


def largest(name: str, meaning: str) -> Meta:
    """A gauge of which the instance has the largest of its workers'."""
    return _marked(Metric(name, Kind.GAUGE, meaning), joined_by=max)


def histogram(name: str, meaning: str, total: str) -> Meta:
    """A histogram; the field `total` holds the sum of what was counted, in seconds."""
    return _marked(Metric(name, Kind.HISTOGRAM, meaning, total))


class Additive(Struct, frozen=True):
    """A struct that is added field by field."""

    def __add__(self, other: Self) -> Self:
        both = {
            name: join(getattr(self, name), getattr(other, name)) for name, join in _joins(type(self)).items()
        }
        return type(self)(**both)


@functools.cache
def metrics_of(kind: type[Struct]) -> dict[str, Metric]:
    """The fields of a struct that are metrics, in their order."""
    return {name: mark["metric"] for name, mark in _marks(kind).items() if mark}


@functools.cache
def _joins(kind: type[Struct]) -> dict[str, Callable[[Any, Any], Any]]:
    return {name: mark.get("joined_by", operator.add) for name, mark in _marks(kind).items()}


def _marks(kind: type[Struct]) -> dict[str, dict[str, Any]]:
    hints = get_type_hints(kind, include_extras=True)
    return {name: _mark(hints[name]) for name in kind.__struct_fields__}


def _mark(hint: Any) -> dict[str, Any]:
    for said in getattr(hint, "__metadata__", ()):
        if isinstance(said, Meta) and said.extra:
            return said.extra
    return {}


def _marked(metric: Metric, joined_by: Callable[[Any, Any], Any] = operator.add) -> Meta:
    return Meta(description=metric.meaning, extra={"metric": metric, "joined_by": joined_by})
