"""The steps of a window that are over: packed, for there may be hundreds, and open to answers that come late.

When there are `MAX_STEPS` of them, steps double in length: a window of any length has a bounded number.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import replace

from loadtests.load.measuring.histogram import SparseHistogram
from loadtests.load.measuring.part import Step, add_steps
from loadtests.load.measuring.tally import SmallTally, Tally

MAX_STEPS = 600  # even, so that a step of double length begins where a step began


class PastSteps:
    """Steps of `step_s` seconds, by index. `pack` makes a step of a tally: `(tally, index) → Step`."""

    def __init__(self, pack: Callable[[SmallTally, int], Step]) -> None:
        self.step_s = 1
        self._pack = pack
        self._packed: dict[int, bytes] = {}
        self._late: dict[int, SmallTally] = {}  # what came for them since

    def add(self, step: Step) -> None:
        """A step is over."""
        if step.index in self._packed:  # after doubling it may be the second half of a step
            (step,) = add_steps((_unpack(self._packed[step.index]), step))
        self._packed[step.index] = msgspec.msgpack.encode(step)

    def late(self, index: int) -> SmallTally:
        """Where to count what came for a step when it was over."""
        tally = self._late.get(index)
        if tally is None:
            tally = self._late[index] = Tally(0.0, 0.0, SparseHistogram)
        return tally

    def double(self) -> None:
        """Make one step of two, from now on and of all that there are."""
        steps = add_steps(replace(step, index=step.index // 2) for step in self.all())
        self.step_s *= 2
        self._late = {}
        self._packed = {step.index: msgspec.msgpack.encode(step) for step in steps}

    def all(self) -> list[Step]:
        """The steps; late answers apart, under the same index."""
        late = (self._pack(tally, index) for index, tally in self._late.items())
        return [*map(_unpack, self._packed.values()), *late]


def _unpack(content: bytes) -> Step:
    return msgspec.msgpack.decode(content, type=Step)
