"""The result directory of one load that a person started: manifest, trial and the generator's files."""

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from math import fsum
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from loadtests import results
from loadtests.load.conducting.conducted import Conducted
from loadtests.load.measuring.part import Part
from loadtests.load.plan import LoadPlan
from loadtests.load.target import PoolGauges, Unread, read_pool
from loadtests.load.writing import write_course, write_results
from loadtests.results import (
    Cell,
    Invalidity,
    LoadResult,
    Manifest,
    RunFiles,
    ServerVersions,
    StageResult,
    Trial,
)
from loadtests.runs.manifest import git_commit, package_versions, this_machine
from loadtests.runs.server_facts import WRITTEN_VARIABLE, ServerFacts
from loadtests.runs.validity import PRESENT_LIMIT, remarks

PART = "load"
INTERRUPTED = Invalidity(reason="interrupted", detail="a signal ended the run before its time", fatal=False)


class RunRecord(Struct, frozen=True, kw_only=True):
    """What is known when a run starts; `write` adds what was measured."""

    files: RunFiles
    trial_id: str
    title: str
    started: datetime
    options: Mapping[str, Any]  # of the load, as chosen
    facts: ServerFacts
    command: tuple[str, ...]  # that repeats it

    def write(
        self,
        windows: Sequence[Part],
        plan: LoadPlan,
        conducted: Conducted,
        *,
        interrupted: bool = False,
    ) -> Trial:
        """Write everything; trial.json last but the manifest. Raises OSError.

        `windows` holds one part for each, all workers together; `interrupted`: it was to last longer.
        """
        files = self.files.trial(self.trial_id)
        load = write_results(conducted.counted_part(windows), plan, files)
        write_course(windows, files)
        pool = read_pool(plan.host)
        stages = (*conducted.with_late_answers(windows).stages, *conducted.cut_short(windows))
        trial = self._trial(plan, load, pool, conducted, stages)
        if interrupted:
            trial = replace(trial, remarks=(*trial.remarks, INTERRUPTED))
        results.write(files.trial, trial)
        results.write(self.files.manifest, self._manifest(plan, pool, conducted))
        self._announce()
        return trial

    def _trial(
        self,
        plan: LoadPlan,
        load: LoadResult,
        pool: PoolGauges | Unread,
        conducted: Conducted,
        stages: tuple[StageResult, ...],
    ) -> Trial:
        cell = Cell(
            strategy=self.facts.strategy,
            pool=self.facts.pool or (pool.max_count if isinstance(pool, PoolGauges) else None),
            connection_timeout_ms=self.facts.connection_timeout_ms,
            num_workers=self.facts.num_workers,
            loop=plan.loop,
            shape=plan.shape,
            clients=max(1, load.users),
            rate_msg_s=conducted.rate_msg_s if conducted.stages else plan.rate_msg_s,
            batch=plan.batch,
            interval_ms=plan.interval_ms if _keeps_the_interval(conducted) else None,
            payload_bytes=plan.payload_bytes,
            partitions=plan.partitions,
            client=plan.client,
            arrivals=plan.phase,
        )
        found = remarks(cell, load, accounting=None, machine=None, ceiling_msg_s=None)
        return Trial(
            trial_id=self.trial_id,
            part=PART,
            block=0,
            order=0,
            cell=cell,
            started_at=self.started.isoformat(timespec="seconds"),
            load=load,
            remarks=(*found, *_users(plan, load), *conducted.remarks),
            stages=stages,
        )

    def _manifest(self, plan: LoadPlan, pool: PoolGauges | Unread, conducted: Conducted) -> Manifest:
        return Manifest(
            run_id=self.files.root.name,
            kind="load",
            title=self.title,
            started_at=self.started.isoformat(timespec="seconds"),
            finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
            command=self.command,
            machine=this_machine(filesystem=None),
            versions=ServerVersions(
                server=self.facts.server or plan.host,
                postgres=self.facts.postgres,
                postgres_source=self.facts.postgres_source,
            ),
            packages=package_versions(),
            git_commit=git_commit(Path(__file__).parent),
            settings={
                **self.facts.settings,
                **{name: str(value) for name, value in self.options.items()},
            },
            seed=plan.seed,
            blocks_asked=1,
            blocks_done=1,
            answer=conducted.answer,
            notes=(pool.reason,) if isinstance(pool, Unread) else (),
        )

    def _announce(self) -> None:
        """Tell whoever started this process where the run is."""
        if listing := os.environ.get(WRITTEN_VARIABLE):
            with open(listing, "a", encoding="utf-8") as file:
                file.write(f"{self.files.root}\n")


def _keeps_the_interval(conducted: Conducted) -> bool:
    """Whether no stage had a rate of its own, in place of the plan's interval."""
    return all(stage.rate_msg_s is None for stage in conducted.stages)


def _users(plan: LoadPlan, load: LoadResult) -> Iterator[Invalidity]:
    """Each producer offers its share of the load: with more or fewer of them it was another load."""
    found = []
    if plan.rate_msg_s is not None and load.users != plan.users:
        found.append(f"{load.users} producers, but the rate was shared out among {plan.users}")
    present = _present(load)
    if present is not None and abs(present - load.users) > PRESENT_LIMIT * load.users:
        found.append(f"{load.users} producers took part, {present:.3g} on average while it was measured")
    if found:
        yield Invalidity(reason="users_changed", detail="; ".join(found), fatal=False)


def _present(load: LoadResult) -> float | None:
    """Producers in the measured windows, time average; None: not told, or a worker's share is missing."""
    times_s = [share.producer_s for share in load.workers if share.complete and share.producer_s is not None]
    if not times_s or len(times_s) < len(load.workers):
        return None
    return fsum(times_s) / load.measured_s
