"""Query parameters: how each is read, and the schema that says so in /openapi.json.

As the contract has it: a number that is none means the default and one out of bounds is clamped; a flag is
`true` or `1`. A time that is none is refused: to answer for another window than the one that was asked for
would be a wrong answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from queen.api.codec import text_of
from queen.errors import BadRequest

Query = Mapping[str, str]

# The store reckons with times (an hour before, a microsecond after) and knows more years than Python does.
_EARLIEST, _LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number within bounds."""

    name: str
    meaning: str
    default: int
    least: int
    most: int

    def read(self, query: Query, default: int | None = None) -> int:
        """The number given; `default` stands in for the parameter's own."""
        try:
            value = int(query[self.name])
        except (KeyError, ValueError):
            value = self.default if default is None else default
        return max(self.least, min(value, self.most))

    def schema(self) -> dict[str, object]:
        """Its JSON schema."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most, "default": self.default}


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    name: str
    meaning: str
    default: bool = False

    def read(self, query: Query) -> bool:
        """Whether it is set."""
        if self.name not in query:
            return self.default
        return query[self.name] in ("true", "1")

    def schema(self) -> dict[str, object]:
        """Its JSON schema."""
        return {"type": "boolean", "default": self.default}


@dataclass(frozen=True, slots=True)
class Text:
    """A name; an empty one counts as not given."""

    name: str
    meaning: str
    default: str = ""

    def read(self, query: Query) -> str:
        """The text. Raises `BadRequest` for what no name can be."""
        return text_of(query.get(self.name) or self.default, self.name)

    def schema(self) -> dict[str, object]:
        """Its JSON schema."""
        return {"type": "string", "maxLength": 255, "default": self.default}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; an empty one counts as not given."""

    name: str
    meaning: str
    words: tuple[str, ...]

    def read(self, query: Query) -> str:
        """The word, or empty. Raises `BadRequest` for any other."""
        word = query.get(self.name, "")
        if word and word not in self.words:
            raise BadRequest(f"{self.name} must be one of {', '.join(self.words)}")
        return word

    def schema(self) -> dict[str, object]:
        """Its JSON schema."""
        return {"type": "string", "enum": ["", *self.words]}


@dataclass(frozen=True, slots=True)
class Instant:
    """A time, ISO 8601; without an offset it is UTC."""

    name: str
    meaning: str

    def read(self, query: Query) -> datetime | None:
        """The time in UTC, or None when it is not given. Raises `BadRequest` for what is none."""
        given = query.get(self.name)
        return instant_of(given, self.name) if given else None

    def schema(self) -> dict[str, object]:
        """Its JSON schema."""
        return {"type": "string", "format": "date-time"}


def instant_of(text: str, field: str, expected: str = "an ISO 8601 time") -> datetime:
    """Parse a time, ISO 8601; UTC where it says no offset. Raises `BadRequest` that names the field.

    One in the first or the last year of the calendar is clamped to the years between.
    """
    try:
        parsed = datetime.fromisoformat(text)
        moment = parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        return max(_EARLIEST, min(moment, _LATEST))
    except (ValueError, OverflowError):  # the latter: in UTC it is before the year 1 or after 9999
        raise BadRequest(f"{field} must be {expected}") from None
