"""What hypothesis chooses, as small values that read well in a falsifying example.

No choice depends on what the server answered: a message is named by its distance from a position, a lease by
its age. So the same choices mean the same steps when an example is run again.
"""

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
    """One ack. `ahead` 1: the message next to the group's position. `lease` own: the last one handed out."""

    ahead: int
    status: str
    lease: WhichLease


@dataclass(frozen=True)
class Run:
    """Acks of one partition and group: that of the cursor with this number, the leased ones first.

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

runs = st.lists(
    st.builds(
        Run,
        st.sampled_from((0, 0, 0, 1, 2, 3, 4, 5, -1)),
        st.lists(
            st.builds(
                Acknowledgement,
                st.sampled_from((1, 1, 2, 3, 4, 5, 0, -1)),
                st.sampled_from(
                    (
                        "completed",
                        "completed",
                        "completed",
                        "success",
                        "failed",
                        "failed",
                        "retry",
                        "dlq",
                        "done",
                    )
                ),
                st.sampled_from(("own", "own", "own", "own", "none", "foreign", "unheard-of")),
            ),
            min_size=1,
            max_size=4,
        ).map(tuple),
    ),
    min_size=1,
    max_size=2,
)

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
