"""The last minutes of a load, as its page draws them: one reading a second, from three sources.

The server is asked over HTTP, its database through the parent process, the run tells by itself. The
page asks for readings and so does a run, so nothing is asked when neither is there; readings are shared,
however many pages look. The backlog costs the server a query, so it is asked for less often, in the
background, and only while a page is open.

All this happens in the process that makes the load: what is drawn of a reading is worked out once, and a
page is told only what is new to it.
"""

from collections import deque
from collections.abc import Callable
from math import ceil
from time import perf_counter

import gevent
from gevent.lock import RLock
from msgspec import Struct

from loadtests.load.measuring.figures import measured_s
from loadtests.load.measuring.lately import Lately
from loadtests.load.measuring.part import Part
from loadtests.load.measuring.watch import LEAST_S, warnings
from loadtests.load.target import Backlog, TargetProbe
from loadtests.runs.control import ControlError, See, Seen
from loadtests.ui.panels import values_of
from loadtests.ui.parent import Parent
from loadtests.ui.reading import Reading, RunView
from loadtests.ui.recent import RECENT_S, Value

PERIOD_S = 0.9  # readings are at least so far apart: who asks once a second gets a fresh one each time
KEPT_POINTS = 330  # more than five minutes
KEPT_READINGS = ceil(RECENT_S / PERIOD_S) + 2  # what a value may look back on
NUMBERS_PER_S = 10
BACKLOG_PERIOD_S = 2.0
PARENT_TIMEOUT_S = 1.0


class Point(Struct, frozen=True, array_like=True):
    """A reading as it is drawn; `values` belong to `panels.PANELS`.

    `number` rises, with the clock: also when Locust is started anew and its page is still open.
    """

    number: int
    t_s: float
    values: tuple[Value, ...]


class Live:
    """The last readings of one target; forgets them when the target changes."""

    def __init__(self, parent: Parent | None = None, clock: Callable[[], float] = perf_counter) -> None:
        self.seen: Seen | None = None  # the parent's last answer about this target
        self.total: Part | None = None  # of the run that is on as it was told last, or of the last run
        self._parent = parent
        self._clock = clock
        self._host = ""
        self._probe: TargetProbe | None = None
        self._readings: deque[Reading] = deque(maxlen=KEPT_READINGS)
        self._points: deque[Point] = deque(maxlen=KEPT_POINTS)
        self._one_at_a_time = RLock()
        self._run: RunView | None = None
        self._queue: str | None = None
        self._backlog = BacklogWatch(clock)
        self._lately = Lately(clock)

    @property
    def points(self) -> tuple[Point, ...]:
        """Of this target, oldest first."""
        return tuple(self._points)

    def began(self, queue: str) -> None:
        """A run pushes to this queue from now on."""
        self._queue = queue
        self._lately.clear()
        self.total = None

    def tell(self, total: Part) -> None:
        """How the run is getting on."""
        self._run = RunView.of(total)
        self._lately.tell(total)
        self.total = total

    def ended(self, total: Part) -> None:
        """The run is over."""
        self.total = total
        self._run = None

    def given_up(self) -> None:
        """The run is over, and what came of it is not known."""
        self._run = None

    @property
    def alarm(self) -> str:
        """That the run that is on pushes in vain just now, and why; empty: it does not."""
        return self._lately.in_vain() if self._run is not None else ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What there is to say just now against the generator of the run that is on: it may be the limit."""
        growth = self._lately.growth() if self._run is not None else None
        if growth is None or measured_s(growth) < LEAST_S:
            return ()
        return tuple(map(str, warnings(growth)))

    def look(self, host: str, *, with_backlog: bool) -> Reading:
        """The latest reading, at most `PERIOD_S` old. `with_backlog`: have that asked for as well.

        One question at a time: who looks while another waits for the answer gets the same one.
        """
        host = host.rstrip("/")
        with self._one_at_a_time:
            if host != self._host:
                self._change_target(host)
            now = self._clock()
            if with_backlog and self._queue is not None:
                self._backlog.refresh(host, self._queue)
            if not self._readings or now - self._readings[-1].t_s >= PERIOD_S:
                self._readings.append(self._read(now))
                values = values_of(tuple(self._readings))
                self._points.append(Point(int(now * NUMBERS_PER_S), now, values))
            return self._readings[-1]

    def _read(self, now_s: float) -> Reading:
        self.seen = self._ask_parent()
        return Reading(
            t_s=now_s,
            pool=self._probe.pool() if self._probe is not None else None,
            backlog=self._backlog.recent(),
            database=self.seen.database if self.seen is not None else None,
            run=self._run,
        )

    def _ask_parent(self) -> Seen | None:
        """What the parent sees, if it is the server under load that it speaks of."""
        if self._parent is None:
            return None
        try:
            answer = self._parent.ask(See(), PARENT_TIMEOUT_S)
        except ControlError:
            return None
        return answer if isinstance(answer, Seen) and answer.url == self._host else None

    def _change_target(self, host: str) -> None:
        if self._probe is not None:
            self._probe.close()
        self._host = host
        self._readings.clear()
        self._points.clear()
        self._backlog = BacklogWatch(self._clock)
        try:
            self._probe = TargetProbe(host)
        except ValueError:
            self._probe = None


class BacklogWatch:
    """The latest backlog of a queue, asked for in the background: a full pool may answer late."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._latest: Backlog | None = None
        self._asked_s = float("-inf")
        self._asking: gevent.Greenlet | None = None

    def refresh(self, host: str, queue: str) -> None:
        """Ask again, unless that was a moment ago or is under way."""
        if self._asking is None and self._clock() - self._asked_s >= BACKLOG_PERIOD_S:
            self._asked_s = self._clock()
            self._asking = gevent.spawn(self._ask, host, queue)

    def recent(self) -> Backlog | None:
        """The latest, unless nobody has asked for some time."""
        return self._latest if self._clock() - self._asked_s < 3 * BACKLOG_PERIOD_S else None

    def _ask(self, host: str, queue: str) -> None:
        try:
            self._latest = _backlog_of(host, queue)
        finally:
            self._asking = None


def _backlog_of(host: str, queue: str) -> Backlog | None:
    try:
        probe = TargetProbe(host)
    except ValueError:
        return None
    try:
        return probe.backlog(queue)
    finally:
        probe.close()
