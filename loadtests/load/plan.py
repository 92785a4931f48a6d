"""What one Locust process is told to do: the only thing that passes from the sweep into it.

The sweep writes a `LoadPlan` as JSON and starts Locust with `QUEEN_LOAD_PLAN` naming the file; the
process answers with the files of `loadtests.results` in `trial_directory`. Plain `locust -f` makes the
same plan out of Locust's options and the environment.
"""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from loadtests.results import Client, Loop

PLAN_VARIABLE = "QUEEN_LOAD_PLAN"

# The guide's three loads: about 100 messages/s per producer each; only the batching differs.
SHAPES: dict[str, tuple[int, float]] = {
    "reasonable": (10, 100.0),
    "medium": (50, 500.0),
    "high": (100, 1000.0),
}


PRODUCERS_PER_WORKER = 100_000  # numbers that are set aside for each


class LoadPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One load on one server."""

    host: str  # http://127.0.0.1:6632
    trial_directory: str  # result files go here
    run_tag: str  # prefix of every transactionId, [A-Za-z0-9_]+ without "-"
    queue: str = "bench"
    loop: Loop = "closed"
    shape: str = "custom"
    client: Client = "raw"
    users: Annotated[int, Meta(ge=1)] = 1  # producers of all workers together
    rate_msg_s: float | None = None  # open loop: offered by all users together; None: batch / interval each
    batch: Annotated[int, Meta(ge=1)] = 10
    interval_ms: float | None = None
    phase: str = "random"  # of the producers' schedules: "random" (seeded), "aligned" or "poisson"
    payload_bytes: Annotated[int, Meta(ge=2)] = 300
    partitions: Annotated[int, Meta(ge=1)] = 1  # producers take them in turn, see `partition_of`
    in_flight: Annotated[int, Meta(ge=0)] = 0  # open loop: most unanswered pushes of one producer; 0: by rule
    worker: Annotated[int, Meta(ge=0)] = 0  # number of the process that reads this, the first is 0
    workers: Annotated[int, Meta(ge=1)] = 1  # processes that share the load
    warmup_s: float = 0.0
    measure_s: float = 10.0
    drain_s: float = 3.0  # longest wait for the last answers
    timeout_s: float = 40.0  # a client's patience with one request
    seed: int = 7


def producer_number(plan: LoadPlan, local: int) -> int:
    """The number in the run of this worker's producer `local`: nobody else has it, whoever joins."""
    return plan.worker * PRODUCERS_PER_WORKER + local


def partition_of(plan: LoadPlan, local: int) -> int:
    """The partition that this worker's producer `local` writes to: all workers' spread over all of them."""
    return (local * plan.workers + plan.worker) % plan.partitions


def decode(content: bytes) -> LoadPlan:
    """Parse a plan. Raises msgspec.ValidationError, which names the field."""
    return msgspec.json.decode(content, type=LoadPlan)
