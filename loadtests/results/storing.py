"""Writing a file whole or not at all; reading it, with one clear error when it is not what it should be."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from loadtests.results.ceilings import Ceilings
from loadtests.results.configured import Manifest
from loadtests.results.files import RunFiles
from loadtests.results.generator import Ledger, LoadResult
from loadtests.results.trial import Sample, Trial
from loadtests.results.version import FORMAT


class ResultError(Exception):
    """A result file is missing, of another format version, or broken. One line, names the file."""


Record = TypeVar("Record", Manifest, LoadResult, Ledger, Trial, Ceilings)


def write(path: Path, record: Struct) -> None:
    """Write one record as JSON, whole or not at all. Raises OSError (for instance no space)."""
    replace(path, msgspec.json.format(msgspec.json.encode(record), indent=1))


def read(path: Path, kind: type[Record]) -> Record:
    """Read one record. Raises `ResultError` when the file is missing, broken or of another format."""
    try:
        record = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not a {kind.__name__} of format {FORMAT}: {error}") from None
    if record.format != FORMAT:
        raise ResultError(f"{path}: format {record.format}, this version reads {FORMAT}")
    return record


def read_trials(run: RunFiles) -> Iterator[Trial]:
    """The finished trials of a run, in the order in which they ran."""
    trials = (read(files.trial, Trial) for files in run.finished())
    yield from sorted(trials, key=lambda trial: trial.order)


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Write samples.csv: a header row, empty cells for what was not available."""
    columns = Sample.__struct_fields__
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for sample in samples:
        values = (getattr(sample, column) for column in columns)
        writer.writerow("" if value is None else value for value in values)
    replace(path, text.getvalue().encode())


def replace(path: Path, content: bytes) -> None:
    """Write any file of a run, whole or not at all; its directory is made. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
