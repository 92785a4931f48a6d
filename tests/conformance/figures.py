"""The figures of a whole instance, of all its workers.

A worker that is too busy to tell its own in time is left out of an answer, which says so (`workers`).
Then it is asked for again: how busy this machine is must not be an answer.
"""

import re
from collections.abc import Callable
from typing import Any

from tests.waiting import until

from .client import Client
from .http_client import Answer


async def metrics(client: Client) -> Any:
    """The answer of /metrics, of all workers."""
    return (await _answer(client, "/metrics", _counts_of_json)).json


async def parked_polls(client: Client) -> int:
    """How many polls wait, on all workers together."""
    count: int = (await metrics(client))["parkedPolls"]
    return count


async def pool(client: Client) -> Any:
    """The answer of /metrics/pool, of all workers."""
    return (await _answer(client, "/metrics/pool", _counts_of_json)).json


async def prometheus(client: Client) -> Answer:
    """The answer of /metrics/prometheus, of all workers."""
    return await _answer(client, "/metrics/prometheus", _counts_of_text)


async def _answer(client: Client, path: str, counts: Callable[[Answer], tuple[int, int]]) -> Answer:
    """The first answer that all workers are in; `counts` reads how many there are and how many told."""
    answers: list[Answer] = []

    async def is_whole() -> bool:
        answers.append(await client.get(path))
        expected, answered = counts(answers[-1])
        return expected == answered

    await until(is_whole)
    return answers[-1]


def _counts_of_json(answer: Answer) -> tuple[int, int]:
    workers = answer.json["workers"]
    return workers["expected"], workers["answered"]


def _counts_of_text(answer: Answer) -> tuple[int, int]:
    expected, answered = re.findall(r"^queen_workers_(?:expected|answered) (\d+)$", answer.raw.decode(), re.M)
    return int(expected), int(answered)
