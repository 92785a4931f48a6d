"""The command line as an experiment: the same struct that a file makes.

    queen sweep --pool 2,5,20,50 --strategy sequential,batch --clients 128 --rtt 0,2 --blocks 4

Options that name factors make an experiment of one part; beside a file only those of time and repeats
are allowed, which replace what the file says.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from loadtests.load.bounds import MOST_NUMBER, MOST_POOL, MOST_USERS, number, option_name, shown, whole_number
from loadtests.sweep import experiment_file
from loadtests.sweep.experiment import MOST_BLOCKS, MOST_TITLE, Experiment
from loadtests.sweep.experiment_file import ExperimentError
from queen.local.relay import MAX_RTT_MS
from queen.settings import PushStrategy

SOURCE = "command line"
QUICK = "quick"
CLIENTS = 128  # of a closed loop when not said; raised to fill the largest pool
WARMUP_S, MEASURE_S, BLOCKS = 0.7, 1.5, 4


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
        return _adjusted(experiment_file.read(_file(_or(asked.experiment, QUICK))), asked)
    except ExperimentError as error:
        raise ExperimentError(_naming_the_option(str(error))) from None


def _naming_the_option(said: str) -> str:
    """Turn "command line: part capacity: db_rtt_ms: 5 is …" into "--rtt: 5 is …"."""
    place = re.match(
        rf"{SOURCE}: (?:part\[\d+\]\.|part [\w-]+: )?(\w+?)(?:_ms|_msg_s|_s)?(?:\[\d+\])?: ", said
    )
    if place is None:
        return said
    return f"{option_name({'db_rtt': 'rtt'}.get(place[1], place[1]))}: {said[place.end() :]}"


def _file(name: str) -> Path:
    """The file that is meant: one that is there, or a ready one. Raises `ExperimentError`."""
    path = Path(name)
    try:
        is_there = path.exists()
    except OSError:  # no name that a file can have
        is_there = False
    named = bool(name) and (is_there or path.suffix == ".toml")  # Path("") is the working directory
    return path if named else experiment_file.ready(name)


def _from_factors(asked: Asked) -> Experiment:
    part: dict[str, Any] = {
        "name": "timeouts" if asked.rate else "capacity",
        "warmup_s": _or(_one(asked, "warmup"), WARMUP_S),
        "measure_s": _or(_one(asked, "measure"), MEASURE_S),
        "blocks": _or(_one(asked, "blocks"), BLOCKS),
        "exact_times": _exact_times(asked),
        "loop": "open" if asked.rate else "closed",
        "strategy": _many(asked, "strategy"),
        "pool": _many(asked, "pool"),
        "db_rtt_ms": _many(asked, "rtt"),
        "batch": _many(asked, "batch"),
        "clients": _many(asked, "clients"),
        "connection_timeout_ms": _many(asked, "connection_timeout"),
        "rate_msg_s": _many(asked, "rate"),
    }
    if asked.rate and not asked.batch:
        part["shape"] = "reasonable"
    elif not asked.clients:
        part["clients"] = max(CLIENTS, *(pool * 5 // 4 + 1 for pool in part["pool"] or [1]))
    values: dict[str, Any] = {
        "title": _title(asked),
        "part": [{name: value for name, value in part.items() if value is not None}],
    }
    if (budget_s := _one(asked, "budget")) is not None:
        values["budget_s"] = budget_s
    if (seed := _one(asked, "seed")) is not None:
        values["seed"] = seed
    return experiment_file.convert(values, source=SOURCE)


def _title(asked: Asked) -> str:
    """The factors as they were asked for: "strategy sequential,batch · pool 2,5,20"; cut where it is long."""
    title = " · ".join(f"{name} {getattr(asked, name)}" for name in FACTOR_OPTIONS if getattr(asked, name))
    return title if len(title) <= MOST_TITLE else f"{title[: MOST_TITLE - 1]}…"


def _adjusted(experiment: Experiment, asked: Asked) -> Experiment:
    """Replace times and repeats where options say so."""
    values: dict[str, Any] = msgspec.to_builtins(experiment)
    whole = {"budget_s": _one(asked, "budget"), "seed": _one(asked, "seed")}
    each = {
        "blocks": _one(asked, "blocks"),
        "warmup_s": _one(asked, "warmup"),
        "measure_s": _one(asked, "measure"),
        "exact_times": _exact_times(asked),
    }
    values |= {name: value for name, value in whole.items() if value is not None}
    for part in values["part"]:
        part |= {name: value for name, value in each.items() if value is not None}
    return experiment_file.convert(values, source=SOURCE)


def _exact_times(asked: Asked) -> bool | None:
    """A warm-up that somebody asks for is the one that they get."""
    return None if asked.warmup is None else True


def _many(asked: Asked, name: str) -> list[Any] | None:
    text: str | None = getattr(asked, name)
    return None if text is None else [_read(name, word) for word in text.split(",")]


def _one(asked: Asked, name: str) -> Any:
    text: str | None = getattr(asked, name)
    return None if text is None else _read(name, text)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _read(name: str, text: str) -> Any:
    try:
        return READ[name](text.strip())
    except ValueError as error:
        raise ExperimentError(f"{option_name(name)} {error}") from None


def _strategy(text: str) -> str:
    names = [strategy.value for strategy in PushStrategy]
    if text not in names:
        raise ValueError(f"{shown(text)}: expected {', '.join(names[:-1])} or {names[-1]}")
    return text


MOST_WHOLE = int(MOST_NUMBER)
READ: dict[str, Callable[[str], Any]] = {  # each raises ValueError with the value and what was expected
    "strategy": _strategy,
    "pool": partial(whole_number, least=1, most=MOST_POOL),
    "rtt": partial(number, least=0, most=MAX_RTT_MS),
    "batch": partial(whole_number, least=1, most=MOST_WHOLE),
    "clients": partial(whole_number, least=1, most=MOST_USERS),
    "connection_timeout": partial(whole_number, least=1, most=MOST_WHOLE),
    "rate": partial(number, least=0, most=MOST_NUMBER, above=True),
    "blocks": partial(whole_number, least=1, most=MOST_BLOCKS),
    "warmup": partial(number, least=0, most=MOST_NUMBER),
    "measure": partial(number, least=0, most=MOST_NUMBER, above=True),
    "budget": partial(number, least=0, most=MOST_NUMBER, above=True),
    "seed": partial(whole_number, least=0, most=MOST_WHOLE),
}
