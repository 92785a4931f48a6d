"""Load from wrk: one thread, a script of `lua/` that finds its window itself, one line of JSON at the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from loadtests.ceiling.window import Asked, Measured
from queen.local.process import Child, ChildFailed, ChildSpec

LUA = Path(__file__).with_name("lua")
BEYOND_S = 20.0  # wrk's own duration, beyond warm-up and window: only when answers do not come
GRACE_S = 10.0
PATIENCE_S = 30  # a slower answer counts as timed out


class WrkResult(Struct, frozen=True):
    """What the script tells. Only `window_…` is of the window; the rest is of the whole run."""

    window_s: float  # 0: never closed
    window_answers: int
    window_messages: int  # of scripts that read the answers
    answers: int
    messages: int
    empty: int  # answers without a message
    bad_status: int  # answers above 399
    broken: int  # connections
    timeouts: int
    p50_us: int
    p99_us: int
    cpu_s: float  # of wrk

    @property
    def faults(self) -> tuple[str, ...]:
        """Why the window does not count."""
        found = []
        if not self.window_s:
            found.append("the window was never closed: no answer came any more")
        if self.bad_status:
            found.append(f"{self.bad_status} of {self.answers} answers were errors")
        if self.broken or self.timeouts:
            found.append(f"{self.broken} connections broke, {self.timeouts} answers timed out")
        return tuple(found)

    def measured(self, *, each: int | None) -> Measured:
        """As a cell tells it; `each` is the messages of every answer, None: the script has counted them."""
        messages = self.window_messages if each is None else self.window_answers * each
        return Measured(
            value=messages / self.window_s if self.window_s else 0.0,
            measured_s=self.window_s,
            messages=messages,
            run_messages=self.messages if each is None else self.answers * each,
            p50_ms=self.p50_us / 1000,
            p99_ms=self.p99_us / 1000,
            generator_cpu_s=self.cpu_s,
            figures={"empty_answers": float(self.empty)} if each is None else None,
            faults=self.faults,
        )


@dataclass(frozen=True, kw_only=True)
class WrkRun:
    """One run. `options` are the script's."""

    program: Path
    script: str
    url: str
    connections: int
    options: Mapping[str, str]
    log: Path

    async def carry_out(self, asked: Asked) -> WrkResult:
        """Run it to its end. Raises `ChildFailed`."""
        total_s = asked.warmup_s + asked.measure_s
        words = {
            "warmup_s": asked.warmup_s,
            "measure_s": asked.measure_s,
            "connections": self.connections,
            **self.options,
        }
        spec = ChildSpec(
            name="wrk",
            argv=(
                str(self.program),
                "--threads=1",
                f"--connections={self.connections}",
                f"--duration={round(total_s + BEYOND_S)}s",
                f"--timeout={PATIENCE_S}s",
                f"--script={LUA / self.script}",
                self.url,
                "--",
                *(f"{name}={value}" for name, value in words.items()),
            ),
            environ={"PATH": "/usr/bin:/bin"},
            log=self.log,
        )
        async with await Child.start(spec) as child:
            await child.finish(total_s + BEYOND_S + GRACE_S)
            return parse(child.log.tail(), self.log)


def parse(output: str, log: Path) -> WrkResult:
    """Read the last line. Raises `ChildFailed` when it is not the script's."""
    last = output.strip().rpartition("\n")[2]
    try:
        return msgspec.json.decode(last, type=WrkResult)
    except msgspec.MsgspecError:
        raise ChildFailed(f"wrk told nothing: {last[:200]!r} (log: {log})", output) from None
