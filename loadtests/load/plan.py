"""What one Locust process is told to do: the only thing that passes from the sweep into it.

The sweep writes a `LoadPlan` as JSON and starts Locust with `QUEEN_LOAD_PLAN` naming the file; the
process answers with the files of `loadtests.results` in `trial_directory`. Plain `locust -f` makes the
same plan out of Locust's options and the environment.
"""

import math
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from loadtests.results import QUEUE_MODE, Arrivals, Client, Loop

PLAN_VARIABLE = "QUEEN_LOAD_PLAN"

# The guide's three loads: about 100 messages/s per producer each; only the batching differs.
SHAPES: dict[str, tuple[int, float]] = {
    "reasonable": (10, 100.0),
    "medium": (50, 500.0),
    "high": (100, 1000.0),
}


PRODUCERS_PER_WORKER = 100_000  # numbers that are set aside for each

Share = Annotated[float, Meta(ge=0, le=1)]


class Consuming(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the consumers do. Shares are of the batches that they receive."""

    consumers: Annotated[int, Meta(ge=1)] = 1  # of all workers together
    groups: Annotated[int, Meta(ge=0)] = 0  # consumers join them in turn; 0: all share the queue (queue mode)
    think_ms: str = "0"  # time with a batch before it is acknowledged: a `Distribution`
    nack_share: Share = 0.0  # some message of the batch failed: counts against the queue's retryLimit
    retry_share: Share = 0.0  # some message of the batch is given back to be tried again
    slow_share: Share = 0.0  # held until the lease is over
    lease_s: Annotated[int, Meta(ge=1)] = 60  # of the run's queue
    max_size: Annotated[int, Meta(ge=0)] = 0  # of the run's queue, messages; 0: unlimited


class Refusing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the server refuses a push that waits for a connection; see `warming.py`."""

    after_s: Annotated[float, Meta(gt=0)]  # DB_CONNECTION_TIMEOUT
    pause_s: Annotated[float, Meta(ge=0)]  # for which the refusal asks, its Retry-After

    @property
    def round_s(self) -> float:
        """From one push that is refused until the next of the same producer."""
        return self.after_s + self.pause_s

    @property
    def longest_first_wait_s(self) -> float:
        """Of a producer's first push, which may wait for two connections: to make its partition, to store."""
        return 2 * self.after_s

    def whole_rounds_s(self, measure_s: float) -> float:
        """The shortest time of whole rounds that is not below `measure_s`."""
        return math.ceil(measure_s / self.round_s) * self.round_s


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
    phase: Arrivals = "random"  # of the producers' schedules: seeded phases, in step, or Poisson arrivals
    payload_bytes: Annotated[int, Meta(ge=2)] = 300  # of each message, or their mean
    payload_sizes: str = ""  # the `Distribution` of it; empty: all the same
    partitions: Annotated[int, Meta(ge=1)] = 1  # producers take them in turn, see `partition_of`
    in_flight: Annotated[int, Meta(ge=0)] = 0  # open loop: most unanswered pushes of one producer; 0: by rule
    worker: Annotated[int, Meta(ge=0)] = 0  # number of the process that reads this, the first is 0
    workers: Annotated[int, Meta(ge=1)] = 1  # processes that share the load
    warmup_s: float = 0.0
    measure_s: float = 10.0
    refusing: Refusing | None = None  # None: warm-up and window last exactly that long
    drain_s: float = 3.0  # longest wait for the last answers
    timeout_s: float = 40.0  # a client's patience with one request
    seed: int = 7
    consuming: Consuming | None = None  # None: nobody consumes
    check_s: Annotated[float, Meta(ge=0)] = (
        0.0  # without a message, in reading them back at the end; 0: they are not
    )

    @property
    def longest_load_s(self) -> float:
        """Warm-up and window if the callers wait as long as they can."""
        if self.refusing is None:
            return self.warmup_s + self.measure_s
        longest_warmup_s = self.warmup_s + self.refusing.longest_first_wait_s
        return longest_warmup_s + self.refusing.whole_rounds_s(self.measure_s)

    @property
    def queue_is_its_own(self) -> bool:
        """Whether the queue was made for this run: of others, which others use, nothing can be told."""
        return self.run_tag in self.queue


def group_names(consuming: Consuming) -> tuple[str, ...]:
    """The groups that consumers join."""
    return tuple(f"load-{number}" for number in range(consuming.groups)) or (QUEUE_MODE,)


def group_of(plan: LoadPlan, local: int) -> str:
    """The group of this worker's consumer `local`, from 0.

    Each group has a consumer, if there are as many, whether Locust deals them out evenly to the workers or
    all to one.
    """
    consuming = plan.consuming or Consuming()
    names = group_names(consuming)
    return names[(plan.worker * (consuming.consumers // plan.workers) + local) % len(names)]


def producer_number(plan: LoadPlan, local: int) -> int:
    """The number in the run of this worker's producer `local`: nobody else has it, whoever joins."""
    return plan.worker * PRODUCERS_PER_WORKER + local


def partition_of(plan: LoadPlan, local: int) -> int:
    """The partition that this worker's producer `local` writes to: all workers' spread over all of them."""
    return (local * plan.workers + plan.worker) % plan.partitions


def decode(content: bytes) -> LoadPlan:
    """Parse a plan. Raises msgspec.ValidationError, which names the field."""
    return msgspec.json.decode(content, type=LoadPlan)
