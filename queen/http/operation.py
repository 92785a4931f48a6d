"""What a route takes and answers: for /openapi.json and the documents that are made from the route table."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec


class Parameter(Protocol):
    """One query parameter."""

    @property
    def name(self) -> str:
        """As it stands in the query."""
        ...

    @property
    def meaning(self) -> str:
        """One sentence, with the unit."""
        ...

    def schema(self) -> dict[str, object]:
        """Its JSON schema."""
        ...


class Operation(msgspec.Struct, frozen=True):
    """The description of a route. Errors (400, 401, 404, 405, 503, …) look the same everywhere: not listed.

    `body`: the type that a request's body is decoded into; `body_optional`: none at all is fine, too.
    `answers`: status → the type of the body, or None where there is none; str stands for plain text.
    """

    summary: str
    answers: Mapping[int, Any]
    query: tuple[Parameter, ...] = ()
    body: Any = None
    body_optional: bool = False
