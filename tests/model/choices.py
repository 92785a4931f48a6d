"""What hypothesis chooses, as small values that read well in a falsifying example.

No choice depends on what the server answered: a message is named by its distance from a position, a lease by
its age. So the same choices mean the same steps when an example is run again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st

from .parts import QUEUE_MODE, Options

LONG, SHORT = "slow", "quick"  # queues with a lease of 300 s and of 1 s
QUEUES = (LONG, SHORT)
PARTITIONS = ("Default", "p")
NAMED = "g"
GROUPS = (QUEUE_MODE, NAMED)
SHORT_LEASE_S = 1

WhichLease = Literal["own", "none", "foreign", "unheard-of"]


@dataclass(frozen=True)
class Item:
    """An item of a push. `again`: 0 a new transactionId, n that of the n-th youngest message, -1 none."""

    queue: str
    partition: str
    again: int


@dataclass(frozen=True)
class Acknowledgement:
    """One ack.

    `nth`: of the messages from the group's position on (0 is the next one), then of those it has read, the
    youngest first; and round again. None: of none. `lease` own: the last one handed out.
    """

    nth: int | None
    status: str
    lease: WhichLease


@dataclass(frozen=True)
class Run:
    """Acks of one partition and group: that of the cursor with this number, those that know a lease first.

    -1: of a partition that is not there (any more).
    """

    cursor: int
    acks: tuple[Acknowledgement, ...]


@dataclass(frozen=True)
class Place:
    """A group on a queue."""

    queue: str
    group: str


@dataclass(frozen=True)
class Asked:
    """What a pop asks for beside its place."""

    batch: int
    auto_ack: bool = False
    wait: bool = False
    mode: str = ""  # subscriptionMode
    since: str = ""  # subscriptionFrom: "now", "past" (the clock of some steps ago), or not given
    steps_ago: int | None = None  # where that starts; None: at the beginning


items = st.lists(
    st.builds(
        Item,
        st.sampled_from(QUEUES),
        st.sampled_from(PARTITIONS),
        st.sampled_from((0, 0, 0, 0, 0, 1, 2, 3, -1)),
    ),
    min_size=1,
    max_size=6,
)

_aims = st.sampled_from((*(0,) * 6, *(1,) * 4, *(2,) * 4, 3, 3, 4, 6, 8, None))
_fences = st.sampled_from(("own", "own", "own", "own", "own", "none", "foreign", "unheard-of"))
_cursors = st.sampled_from((*(0,) * 12, *(1,) * 6, *(2,) * 3, 3, 4, -1))


def _runs(statuses: Sequence[str], most: int) -> st.SearchStrategy[list[Run]]:
    acks = st.builds(Acknowledgement, _aims, st.sampled_from(statuses), _fences)
    run = st.builds(Run, _cursors, st.lists(acks, min_size=1, max_size=most).map(tuple))
    return st.lists(run, min_size=1, max_size=2)


_ACCEPTED = ("completed", "completed", "completed", "success", "failed", "failed", "retry", "dlq")
runs = _runs((*_ACCEPTED, "done"), most=4)  # "done" is no status
short_runs = _runs((*_ACCEPTED, "completed", "completed", "completed", "done"), most=2)
required = st.sampled_from(((), (), (), (0,), (0,), (1,), (0, 1)))  # leases by age

places = st.builds(Place, st.sampled_from(QUEUES), st.sampled_from(GROUPS))

_batches = st.integers(1, 5)
_seldom = st.sampled_from((False, False, False, False, True))
pops = st.one_of(
    st.builds(Asked, _batches, _seldom, _seldom, st.sampled_from(("", "all", "from_beginning"))),
    st.builds(Asked, _batches),
    st.builds(Asked, _batches, mode=st.sampled_from(("new", "new-only")), steps_ago=st.just(0)),
    st.builds(Asked, _batches, since=st.just("now"), steps_ago=st.just(0)),
    st.builds(Asked, _batches, mode=st.just("new"), since=st.just("past"), steps_ago=st.integers(1, 8)),
)

options = st.builds(
    Options,
    st.just(300),
    st.integers(0, 2),
    st.sampled_from((False, False, False, True)),
)
