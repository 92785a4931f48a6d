"""Tells page and parent of each run: what its charts show, and when to look into the database."""

import enum
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import gevent

from loadtests.ledger.patience import patience_s
from loadtests.load.measuring.part import Part
from loadtests.load.observing import Verdict
from loadtests.load.plan import LoadPlan
from loadtests.results import ProducerLedger, RunFiles
from loadtests.runs.control import Ask, ControlError, MakeWay, NoRun, Refused, RunBegan, RunEnded, See, Seen
from loadtests.ui.live import Live
from loadtests.ui.parent import Parent
from loadtests.ui.runs_table import RunsTable

BEGIN_TIMEOUT_S = 5.0
SETTLE_S = 15.0
LOOK_S = 0.05
END_TIMEOUT_S = 60.0  # for all but looking up every message

logger = logging.getLogger(__name__)


class RunNow(enum.Enum):
    """Is there a run: by our own account, and by Locust's, whose state changes earlier at both ends."""

    NONE = enum.auto()
    ON = enum.auto()
    CHANGING = enum.auto()  # one begins, or comes to its end


class PageObserver:
    """A `RunObserver`; the last of them, since the parent rewrites what the others have written.

    The end is told in the background: Locust's stop does not wait for the audit, the table shows its
    verdict when it is there.
    """

    def __init__(self, live: Live, table: RunsTable, parent: Parent | None) -> None:
        self.run_on = False
        self.failure = ""  # of the latest run, in words
        self.has_page = False  # else nobody will see what is read
        self._live = live
        self._table = table
        self._parent = parent
        self._told = False  # the parent knows of the run that is on
        self._coming = False  # a start was let through, and is not over yet
        self._starting = False
        self._looking_up: gevent.Greenlet | None = None
        self._held_up = False  # the parent waits for a run of which it will not be told by itself
        self._host = ""
        self._directory = ""

    def make_way(self) -> None:
        """A run is about to be started: the parent is to do nothing that it would feel."""
        self._coming = True
        if self._parent is not None:
            self._held_up = True
            self._tell(MakeWay(), BEGIN_TIMEOUT_S, "it may still measure the generator's ceiling")

    def no_start(self) -> None:
        """The start that way was made for comes to nothing, unless it is under way already."""
        if not self._starting:
            self._coming = False
            if not self.run_on:
                self._free_way()

    def settle(self) -> None:
        """Wait while a start is coming or under way, but not for ever: a server may hang."""
        with gevent.Timeout(SETTLE_S, exception=False):
            while self._coming or self._starting:
                gevent.sleep(LOOK_S)

    def run_now(self, state: str) -> RunNow:
        """`state` is that of Locust's runner."""
        on = state in ("spawning", "running")
        if self.run_on and on:
            return RunNow.ON
        over = state in ("ready", "stopped")
        return RunNow.NONE if over and not (self.run_on or self._coming) else RunNow.CHANGING

    def is_looked_into(self) -> bool:
        """Whether the parent still looks into the table for the messages of the run before."""
        return self._looking_up is not None and not self._looking_up.ready()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """A start is under way in this block: at its end a run is on, or none comes."""
        self._starting = True
        try:
            yield
        finally:
            self._starting = False
            self.no_start()

    def began(self, files: RunFiles, plan: LoadPlan) -> None:
        """Have the parent look, if the run is on its server."""
        self.run_on, self.failure = True, ""
        self._host = plan.host
        self._directory = str(files.root)
        self._live.began(plan.queue)
        self._told = False
        if self._is_parents(plan.host):
            began = RunBegan(self._directory)
            self._told = self._tell(began, BEGIN_TIMEOUT_S, "this run is not sampled")
            self._held_up = not self._told  # it may have noted it all the same

    def looked(self, total: Part) -> None:
        """Once a second: keep a reading, so that a page that is opened later shows the run so far."""
        self._live.tell(total)
        if self.has_page:
            self._live.look(self._host, with_backlog=False)

    def ended(self, files: RunFiles, plan: LoadPlan, total: Part) -> Verdict | None:
        """A row more; the parent adds what it knows."""
        self._live.ended(total)
        self._table.add(files)
        self._over(total.ledger)
        return None

    def failed(self, reason: str) -> None:
        """The run did not begin, or it is over and could not be written: nothing will come of it."""
        self.failure = reason
        if self.run_on:
            self._live.given_up()
            self._over(())

    def _over(self, issued: Iterable[ProducerLedger]) -> None:
        self.run_on = False
        if self._told:
            ended = RunEnded(self._directory)
            patience = END_TIMEOUT_S + patience_s(issued)
            said = "it is accounted for at the end"
            self._looking_up = gevent.spawn(self._tell, ended, patience, said)
        else:
            self._free_way()

    def _free_way(self) -> None:
        """Let the parent do again what a run would feel."""
        if self._held_up:
            self._held_up = False
            self._tell(NoRun(), BEGIN_TIMEOUT_S, "the generator's ceiling is measured after the next run")

    def _is_parents(self, host: str) -> bool:
        if self._parent is None:
            return False
        try:
            answer = self._parent.ask(See(), BEGIN_TIMEOUT_S)
        except ControlError:
            return False
        return isinstance(answer, Seen) and answer.url == host.rstrip("/")

    def _tell(self, ask: Ask, timeout_s: float, else_: str) -> bool:
        assert self._parent is not None
        try:
            answer = self._parent.ask(ask, timeout_s)
        except ControlError as error:
            logger.warning("%s: %s", error, else_)
            return False
        if isinstance(answer, Refused):
            logger.warning("%s: %s", answer.text, else_)
        return not isinstance(answer, Refused)
