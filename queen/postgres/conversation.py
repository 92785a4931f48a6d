"""What server processes say to each other about wake-ups, and when; the connection is `notify`'s business.

Whoever begins to listen says hello, and hears itself: so it knows that it is heard. Whoever hears a hello
answers. A process that hears of another for the first time tells it "anything", since it has told nobody so
far; from then on it tells what changes. So nothing is missed between two processes that start at any time,
and one that is alone says its hello and nothing else. It does not find out that it is alone again.
"""

from collections.abc import Iterator
from uuid import uuid4

from queen.core.notices import Change, Gathering, Hearer
from queen.postgres.notices import Changed, Hello, Here, Notice, decode, encode, encode_changes


class Conversation:
    """One process's part in it. No input or output: texts are handed in and out."""

    def __init__(self) -> None:
        self._me = uuid4().hex
        self._gathered = Gathering()
        self._company = False  # whether another process was ever heard of
        self._owes_answer = False  # a hello was heard and is not answered yet

    def hello(self) -> str:
        """The first text on a new connection."""
        return encode(Hello(self._me))

    def announce(self, change: Change) -> None:
        """Tell the others, with the next words."""
        self._gathered.add(change)

    def interrupted(self) -> None:
        """Words may have been lost, and whatever changes meanwhile is not worth remembering one by one."""
        self._gathered.add_anything()

    @property
    def has_words(self) -> bool:
        """Whether there is something to say."""
        return self._owes_answer or (self._company and not self._gathered.empty)

    def words(self) -> list[str]:
        """The texts to send now; they count as said."""
        return list(self._words())

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

    def _words(self) -> Iterator[str]:
        if self._owes_answer:
            self._owes_answer = False
            yield encode(Here(self._me))
        if not self._company:
            return
        changes = self._gathered.take()
        if changes is None:
            yield encode(Changed(self._me, None))
        else:
            yield from encode_changes(self._me, changes)

    def _take(self, notice: Notice, hearer: Hearer) -> None:
        if isinstance(notice, Hello):
            self._owes_answer = True
        elif isinstance(notice, Changed):
            if notice.changes is None:
                hearer.hear_anything()
            else:
                for change in notice.changes:
                    hearer.hear(change)
