"""Experiment files: TOML ↔ `Experiment`, one clear line for a mistake.

`dumps(loads(text))` is the same experiment again, so the experiment.toml that a run leaves behind
repeats it.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from loadtests.load.bounds import shown
from loadtests.sweep import experiment_mistakes, experiment_rules
from loadtests.sweep.experiment import Experiment, Factors
from queen.errors import SettingsError

TABLES = frozenset({"fixed", "settings", "part", "cells"})
MOST_OF_A_NAME = 200  # characters of a path in an error
READY_EXPERIMENTS = Path(__file__).parent.parent / "experiments"


class ExperimentError(SettingsError):
    """An experiment that cannot be run. One line; names the file and the key."""


def read(path: Path) -> Experiment:
    """Read and check an experiment file. Raises `ExperimentError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ExperimentError(f"{_named(path)}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{path}: not UTF-8 at byte {error.start}") from None
    return loads(text, source=str(path))


def ready(name: str) -> Path:
    """The file of a ready experiment, for instance `quick`. Raises `ExperimentError` that names them all."""
    path = READY_EXPERIMENTS / f"{name}.toml"
    if path not in READY_EXPERIMENTS.glob("*.toml"):
        names = ", ".join(sorted(each.stem for each in READY_EXPERIMENTS.glob("*.toml")))
        raise ExperimentError(f"{_named(name)}: no such experiment file, nor one of the ready ones: {names}")
    return path


def loads(text: str, *, source: str) -> Experiment:
    """Parse and check an experiment. Raises `ExperimentError`; `source` is named in its text."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ExperimentError(f"{source}: {_lower(str(error))}") from None
    except ValueError:  # Python's own limit, see sys.set_int_max_str_digits
        raise ExperimentError(f"{source}: a number has more digits than can be read") from None
    except RecursionError:
        raise ExperimentError(f"{source}: lists or tables are nested too deep") from None
    return convert(values, source=source)


def convert(values: dict[str, Any], *, source: str) -> Experiment:
    """Make an experiment of plain values and check it. Raises `ExperimentError`."""
    try:
        experiment = msgspec.convert(values, Experiment)
        experiment_rules.check(experiment)
    except msgspec.ValidationError as error:
        raise ExperimentError(f"{source}: {experiment_mistakes.told(str(error), values)}") from None
    except experiment_rules.RuleBroken as error:
        raise ExperimentError(f"{source}: {error}") from None
    return experiment


def dumps(experiment: Experiment) -> str:
    """The experiment as TOML."""
    values = msgspec.to_builtins(experiment)
    lines = list(_keys(values))
    for table in ("fixed", "settings"):
        if values.get(table):
            lines += ["", f"[{table}]", *_keys(values[table])]
    for part in values["part"]:
        lines += ["", "[[part]]", *_keys(part)]
        for cells in part.get("cells", ()):
            lines += ["", "[[part.cells]]", *_keys(cells)]
    return "\n".join(lines) + "\n"


def _named(path: Path | str) -> str:
    """As it was written, but on one line; quoted where there would be nothing to see."""
    return " ".join(str(path).split())[:MOST_OF_A_NAME] or shown(str(path))


def _keys(table: dict[str, Any]) -> Iterator[str]:
    """The keys that are neither tables nor lists of tables, what is no factor first."""
    names = sorted(table, key=lambda name: name in Factors.__struct_fields__)
    for name in names:
        if name not in TABLES:
            yield f"{name} = {_value(table[name])}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")  # JSON's, but for DEL
        case list() | tuple():
            return "[" + ", ".join(_value(each) for each in value) + "]"
    raise TypeError(f"no TOML for {value!r}")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
