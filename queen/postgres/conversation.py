"""What server processes say to each other about wake-ups, and when; the connection is `notify`'s business.

Whoever begins to listen says hello, and hears itself: so it knows that it is heard. Whoever hears a hello
answers that it is here, and whether polls wait there. It says so unasked, too, when its first poll parks and
again, `SAY_AGAIN_S` later or soon after, while polls wait. For `BELIEVED_S` after that the others tell what
changes. While nobody is known to wait, changes are gathered and kept, and told to the next who says that it
waits: its polls may have looked before they were made. So nothing is missed between two processes that start,
and whose polls park, at any time; a push costs no notice while nobody waits; and one that is alone says its
hello and nothing else. It does not find out that it is alone again.
"""

import time
from collections.abc import Callable, Iterator
from uuid import uuid4

from queen.core.notices import Change, Gathering, Hearer
from queen.postgres.notices import Changed, Hello, Here, Notice, decode, encode, encode_changes

SAY_AGAIN_S = 15.0  # how often a process says that polls wait
BELIEVED_S = 60.0  # how long the others believe it: several sayings may be lost


class Conversation:
    """One process's part in it. No input or output: texts are handed in and out; `now` in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._me = uuid4().hex
        self._now = now
        self._gathered = Gathering()
        self._company = False  # whether another process was ever heard of
        self._owes_answer = False  # a hello was heard and is not answered yet
        self._owes_waiting = False  # polls wait, and the others may not know
        self._say_again_s = 0.0  # when it is time to say again that polls wait
        self._believed_s = 0.0  # until then another process is known to wait

    def hello(self) -> str:
        """The first text on a new connection."""
        return encode(Hello(self._me))

    def announce(self, change: Change) -> None:
        """Tell the others, with the next words that anybody waits for."""
        self._gathered.add(change)

    def expect(self) -> None:
        """Polls wait here: have the others tell what changes, unless they know."""
        if self._now() >= self._say_again_s:
            self._owes_waiting = True

    def interrupted(self) -> None:
        """Words may have been lost, and whatever changes meanwhile is not worth remembering one by one."""
        self._gathered.add_anything()
        self._say_again_s = 0.0

    @property
    def has_words(self) -> bool:
        """Whether there is something to say."""
        owes = self._owes_answer or self._owes_waiting
        return self._company and (owes or (not self._gathered.empty and self._is_awaited()))

    def words(self, *, waiting: bool) -> list[str]:
        """The texts to send now; they count as said. `waiting`: whether polls wait here.

        Polls that have left already are not worth a word.
        """
        return list(self._words(waiting)) if self._company else []

    def hear(self, text: str, hearer: Hearer) -> bool:
        """Take in what was said, and pass changes on; returns whether we hear ourselves.

        Raises ValueError for a text that is no notice.
        """
        notice = decode(text)
        if notice.sender == self._me:
            return True
        self._company = True
        self._take(notice, hearer)
        return False

    def _words(self, waiting: bool) -> Iterator[str]:
        if self._owes_answer or (self._owes_waiting and waiting):
            self._say_again_s = self._now() + SAY_AGAIN_S if waiting else 0.0
            yield encode(Here(self._me, waiting))
        self._owes_answer = self._owes_waiting = False
        if not self._is_awaited():
            return
        changes = self._gathered.take()
        if changes is None:
            yield encode(Changed(self._me, None))
        else:
            yield from encode_changes(self._me, changes)

    def _is_awaited(self) -> bool:
        return self._now() < self._believed_s

    def _take(self, notice: Notice, hearer: Hearer) -> None:
        if isinstance(notice, Hello):
            self._owes_answer = True
        elif isinstance(notice, Here):
            if notice.waiting:
                self._believed_s = self._now() + BELIEVED_S
        elif notice.changes is None:
            hearer.hear_anything()
        else:
            for change in notice.changes:
                hearer.hear(change)
