"""One run of the generator: what all its users share, and how it comes to a clean end.

A run has a start line (`start`), at which all waiting users begin together, and an end (`finish`): stop
issuing, wait for the answers that are under way, and only then let Locust go. Nothing in here depends
on how the run was asked for; `sweep_mode` and `web_mode` do that.
"""

from weakref import WeakKeyDictionary

import gevent
from gevent.event import Event
from gevent.pool import Group
from locust.env import Environment
from locust.stats import RequestStats

from loadtests.load.conducting.course import Stage
from loadtests.load.conducting.stages import Stages
from loadtests.load.measuring.attempt import Attempt
from loadtests.load.measuring.locust_stats import HELD, LAG, PUSH, PUSH_INTENDED, LiveEntry
from loadtests.load.measuring.recorder import Recorder
from loadtests.load.plan import LoadPlan
from loadtests.load.producing.backpressure import HoldBack
from loadtests.load.producing.loops import Loop
from loadtests.load.producing.producer import failure_text
from loadtests.load.wire.transport import Watchdog, parse_endpoint

FLUSH_PERIOD_S = 1.0
CATCH_UP_S = 0.5
TIDY_UP_S = 1.0  # for loops that are killed to say what they have not sent


class LoadRun:
    """One load on one server. Raises ValueError for a host that is not an http:// address.

    `watched`: somebody looks at Locust's figures meanwhile; else they are handed over at the end alone,
    for each time costs the generator some milliseconds.
    """

    def __init__(self, plan: LoadPlan, statistics: RequestStats, *, watched: bool = True) -> None:
        self.plan = plan
        self._watched = watched
        self.endpoint = parse_endpoint(plan.host)
        self.watchdog = Watchdog(plan.timeout_s)
        self.recorder = Recorder(plan)
        self.live = LiveStatistics(statistics, open_loop=plan.loop == "open")
        self.stages = Stages(as_planned(plan))
        self.is_over = False  # who comes from then on has nothing to do
        self._start_line = Event()
        self._workers = Group()
        self._stop_events: set[Event] = set()
        self._producers = 0
        self._consumers = 0
        self._flusher: gevent.Greenlet | None = None

    def next_producer(self) -> int:
        """A number for a new producer of this process, from 0."""
        self._producers += 1
        return self._producers - 1

    def next_consumer(self) -> int:
        """A number for a new consumer of this process, from 0."""
        self._consumers += 1
        return self._consumers - 1

    def start(self) -> None:
        """Let all users begin, with the load that the plan says."""
        self.start_stage(as_planned(self.plan))
        if self._watched:
            self._flusher = gevent.spawn(self.live.flush_for_ever)
        self._start_line.set()

    def start_stage(self, stage: Stage) -> None:
        """Change the offered load now."""
        self.stages.start(stage)

    def hold_back(self) -> HoldBack:
        """The back-pressure of a new producer."""
        return HoldBack(self.recorder, self.live.held_back)

    def work(self, loop: Loop, stopping: Event) -> gevent.Greenlet:
        """Run a user's loop in a greenlet that this run owns, from the start line on."""
        self._stop_events.add(stopping)
        return self._workers.spawn(self._work, loop, stopping)

    def finish(self, drain_s: float) -> None:
        """Stop issuing, wait at most `drain_s` for the answers, cut the rest off. May be called again."""
        self.is_over = True
        self.recorder.close_window()
        if self.plan.loop == "open":
            _let_loops_catch_up()
        for stopping in tuple(self._stop_events):
            stopping.set()
        self._start_line.set()
        self._workers.join(timeout=drain_s)
        self.recorder.cut_off()  # before thousands of greenlets are killed, which takes its time
        self._workers.kill(timeout=TIDY_UP_S)
        self.watchdog.stop()
        if self._flusher is not None:
            self._flusher.kill()
            self._flusher = None
        self.live.flush()

    def _work(self, loop: Loop, stopping: Event) -> None:
        self._start_line.wait()
        try:
            loop.run()
        finally:
            self._stop_events.discard(stopping)


def _let_loops_catch_up() -> None:
    """Let pushes go out that fell due while nobody had a turn, as Locust itself holds all up at its end.

    Returns when nobody has anything to do at the moment; a generator that cannot keep up never gets there.
    """
    with gevent.Timeout(CATCH_UP_S, False):
        gevent.idle()


def as_planned(plan: LoadPlan) -> Stage:
    """The stage of a load that does not change."""
    return Stage(number=1, label="as planned", rate_msg_s=plan.rate_msg_s)


class LiveStatistics:
    """The rows that Locust's page and console show.

    A closed loop has no intended start other than the send, so it has no row for it, and no lag. What is no
    request of its own stays out of the totals.
    """

    def __init__(self, statistics: RequestStats, *, open_loop: bool) -> None:
        self._statistics = statistics
        self._open_loop = open_loop
        self._push = LiveEntry("POST", PUSH)
        self._intended = LiveEntry("POST", PUSH_INTENDED, in_total=False)
        self._lag = LiveEntry("", LAG, in_total=False)
        self._held = LiveEntry("", HELD, in_total=False)
        self._others: dict[str, LiveEntry] = {}

    def pushed(self, due_s: float, attempt: Attempt) -> None:
        """A push over a client that leaves the bookkeeping to us."""
        if self._open_loop:
            self._lag.record(attempt.begun_at - due_s, 0)
        if not attempt.outcome.acknowledged:
            self._push.fail(self._statistics, failure_text(attempt.outcome))
            return
        self._push.record(attempt.done_at - attempt.sent_at, attempt.answer_bytes)
        if self._open_loop:
            self._intended.record(attempt.done_at - due_s, attempt.answer_bytes)

    def pushed_elsewhere(self, due_s: float, attempt: Attempt) -> None:
        """A push over a client that has fired Locust's request event already: all but that."""
        if not self._open_loop:
            return
        self._lag.record(attempt.begun_at - due_s, 0)
        if attempt.outcome.acknowledged:
            self._intended.record(attempt.done_at - due_s, attempt.answer_bytes)

    def held_back(self, seconds: float) -> None:
        """A producer has obeyed a Retry-After."""
        self._held.record(seconds, 0)

    def other(self, method: str, name: str, duration_s: float, answer_bytes: int, error: str = "") -> None:
        """A request that is not a push."""
        entry = self._others.setdefault(name, LiveEntry(method, name))
        if error:
            entry.fail(self._statistics, error)
        else:
            entry.record(duration_s, answer_bytes)

    def flush(self) -> None:
        """Hand everything to Locust."""
        for entry in (self._push, self._intended, self._lag, self._held, *self._others.values()):
            entry.flush(self._statistics)

    def flush_for_ever(self) -> None:
        """Hand over about once a second; ends when it is killed."""
        while True:
            gevent.sleep(FLUSH_PERIOD_S)
            self.flush()


_runs: WeakKeyDictionary[Environment, LoadRun] = WeakKeyDictionary()


def current_run(environment: Environment) -> LoadRun | None:
    """The run that users of this Locust environment belong to; None: there is none."""
    return _runs.get(environment)


def set_current_run(environment: Environment, run: LoadRun | None) -> None:
    """Make users that start from now on belong to this run."""
    if run is None:
        _runs.pop(environment, None)
    else:
        _runs[environment] = run
