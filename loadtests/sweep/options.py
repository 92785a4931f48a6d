"""The command line as an experiment: the same struct that a file makes.

    queen sweep --pool 2,5,20,50 --strategy sequential,batch --clients 128 --rtt 0,2 --blocks 4

Options that name factors make an experiment of one part; beside a file only those of time and repeats
are allowed, which replace what the file says.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from loadtests.load.bounds import option_name
from loadtests.sweep import experiment_file
from loadtests.sweep.experiment import Experiment
from loadtests.sweep.experiment_file import ExperimentError

SOURCE = "command line"
QUICK = "quick"
CLIENTS = 128  # of a closed loop when not said; raised to fill the largest pool
WARMUP_S, MEASURE_S, BLOCKS = 0.7, 1.5, 4

Level = TypeVar("Level")


class Asked(Struct, frozen=True, kw_only=True):
    """The options as they were written; None: not given."""

    experiment: str | None = None  # a file, or the name of a ready one
    strategy: str | None = None
    pool: str | None = None
    rtt: str | None = None
    batch: str | None = None
    clients: str | None = None
    connection_timeout: str | None = None
    rate: str | None = None
    blocks: str | None = None
    warmup: str | None = None
    measure: str | None = None
    budget: str | None = None
    seed: str | None = None


FACTOR_OPTIONS = ("strategy", "pool", "rtt", "batch", "clients", "connection_timeout", "rate")


def experiment_of(asked: Asked) -> Experiment:
    """The experiment that was asked for. Raises `ExperimentError`, one line that names the option."""
    factors = [name for name in FACTOR_OPTIONS if getattr(asked, name) is not None]
    if asked.experiment is not None and factors:
        raise ExperimentError(
            f"{option_name(factors[0])} and an experiment file exclude each other: "
            "write the factor into the file"
        )
    try:
        if factors:
            return _from_factors(asked)
        return _adjusted(experiment_file.read(_file(asked.experiment or QUICK)), asked)
    except ExperimentError as error:
        raise ExperimentError(_naming_the_option(str(error))) from None


def _naming_the_option(said: str) -> str:
    """Turn "command line: part[0].db_rtt_ms[1]: expected …" into "--rtt: expected …"."""
    place = re.match(rf"{SOURCE}: (?:part\[\d+\]\.)?(\w+?)(?:_ms|_msg_s|_s)?(?:\[\d+\])?: ", said)
    if place is None:
        return said
    return f"{option_name({'db_rtt': 'rtt'}.get(place[1], place[1]))}: {said[place.end() :]}"


def _file(name: str) -> Path:
    path = Path(name)
    return path if path.suffix == ".toml" or path.exists() else experiment_file.ready(name)


def _from_factors(asked: Asked) -> Experiment:
    part: dict[str, Any] = {
        "name": "timeouts" if asked.rate else "capacity",
        "warmup_s": _or(_one(float, asked, "warmup"), WARMUP_S),
        "measure_s": _or(_one(float, asked, "measure"), MEASURE_S),
        "blocks": _or(_one(int, asked, "blocks"), BLOCKS),
        "exact_times": _exact_times(asked),
        "loop": "open" if asked.rate else "closed",
        "strategy": _many(str, asked, "strategy"),
        "pool": _many(int, asked, "pool"),
        "db_rtt_ms": _many(float, asked, "rtt"),
        "batch": _many(int, asked, "batch"),
        "clients": _many(int, asked, "clients"),
        "connection_timeout_ms": _many(int, asked, "connection_timeout"),
        "rate_msg_s": _many(float, asked, "rate"),
    }
    if asked.rate and not asked.batch:
        part["shape"] = "reasonable"
    elif not asked.clients:
        part["clients"] = max(CLIENTS, *(pool * 5 // 4 + 1 for pool in part["pool"] or [1]))
    values: dict[str, Any] = {
        "title": _title(asked),
        "part": [{name: value for name, value in part.items() if value is not None}],
    }
    if (budget_s := _one(float, asked, "budget")) is not None:
        values["budget_s"] = budget_s
    if (seed := _one(int, asked, "seed")) is not None:
        values["seed"] = seed
    return experiment_file.convert(values, source=SOURCE)


def _title(asked: Asked) -> str:
    """The factors as they were asked for: "strategy sequential,batch · pool 2,5,20"."""
    return " · ".join(f"{name} {getattr(asked, name)}" for name in FACTOR_OPTIONS if getattr(asked, name))


def _adjusted(experiment: Experiment, asked: Asked) -> Experiment:
    """Replace times and repeats where options say so."""
    values: dict[str, Any] = msgspec.to_builtins(experiment)
    whole = {"budget_s": _one(float, asked, "budget"), "seed": _one(int, asked, "seed")}
    each = {
        "blocks": _one(int, asked, "blocks"),
        "warmup_s": _one(float, asked, "warmup"),
        "measure_s": _one(float, asked, "measure"),
        "exact_times": _exact_times(asked),
    }
    values |= {name: value for name, value in whole.items() if value is not None}
    for part in values["part"]:
        part |= {name: value for name, value in each.items() if value is not None}
    return experiment_file.convert(values, source=SOURCE)


def _exact_times(asked: Asked) -> bool | None:
    """A warm-up that somebody asks for is the one that they get."""
    return None if asked.warmup is None else True


def _many(kind: Callable[[str], Level], asked: Asked, name: str) -> list[Level] | None:
    text: str | None = getattr(asked, name)
    if text is None:
        return None
    return [_parsed(kind, name, word) for word in text.split(",")]


def _one(kind: Callable[[str], Level], asked: Asked, name: str) -> Level | None:
    text: str | None = getattr(asked, name)
    return None if text is None else _parsed(kind, name, text)


def _or(value: Level | None, default: Level) -> Level:
    return default if value is None else value


def _parsed(kind: Callable[[str], Level], name: str, text: str) -> Level:
    expected = {int: "a whole number", float: "a number"}.get(kind, "a name")  # type: ignore[call-overload]
    word = text.strip()
    try:
        value = kind(word)
    except ValueError:
        raise ExperimentError(f"{option_name(name)} {word!r}: expected {expected}") from None
    if not word or (isinstance(value, int | float) and not 0 <= value < 1e9):
        raise ExperimentError(f"{option_name(name)} {word!r}: expected {expected}")
    return value
