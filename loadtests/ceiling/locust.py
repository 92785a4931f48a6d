"""Load from Locust's raw-socket users, where wrk is missing, and to show what the generator itself costs."""

from dataclasses import dataclass
from pathlib import Path

from loadtests import results
from loadtests.ceiling.window import Asked, Measured
from loadtests.load.plan import LoadPlan
from loadtests.results import LoadResult, ResultError, TrialFiles
from loadtests.sweep.load_process import LoadProcess
from queen.local.process import ChildFailed

DRAIN_S = 3.0


@dataclass(frozen=True, kw_only=True)
class LocustPush:
    """A closed loop of producers."""

    url: str
    queue: str
    users: int
    batch: int
    payload_bytes: int
    partitions: int

    async def carry_out(self, asked: Asked, directory: Path) -> Measured:
        """Start Locust, let it push, and read what it wrote. Raises `ChildFailed`, OSError."""
        process = await LoadProcess.start(directory)
        try:
            await process.carry_out(self._plan(asked, directory))
        finally:
            await process.stop()
        try:
            load = results.read(TrialFiles(directory).load, LoadResult)
        except ResultError as error:
            raise ChildFailed(str(error), "") from None
        return measured(load)

    def _plan(self, asked: Asked, directory: Path) -> LoadPlan:
        return LoadPlan(
            host=self.url,
            trial_directory=str(directory),
            run_tag=asked.tag,
            queue=self.queue,
            users=self.users,
            batch=self.batch,
            payload_bytes=self.payload_bytes,
            partitions=self.partitions,
            warmup_s=asked.warmup_s,
            measure_s=asked.measure_s,
            drain_s=DRAIN_S,
            seed=asked.seed,
        )


def measured(load: LoadResult) -> Measured:
    """The same figures as wrk's; the CPU of the window is carried over to the whole run."""
    messages, run_messages = load.messages_acknowledged, load.total_messages_acknowledged
    faults = []
    if load.requests_not_done or load.requests_unknown:
        faults.append(
            f"{load.requests_not_done} pushes were refused, {load.requests_unknown} have no known outcome"
        )
    if load.messages_duplicate:
        faults.append(f"{load.messages_duplicate} messages were answered as duplicates")
    known = load.generator_cpu_s is not None and messages > 0
    return Measured(
        value=load.throughput_msg_s,
        measured_s=load.measured_s,
        messages=messages,
        run_messages=run_messages,
        p50_ms=load.service.p50_ms if load.service else None,
        p99_ms=load.service.p99_ms if load.service else None,
        generator_cpu_s=(load.generator_cpu_s or 0.0) * run_messages / messages if known else None,
        faults=tuple(faults),
    )
