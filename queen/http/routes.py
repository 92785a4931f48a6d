"""Which handler answers which method and path.

A pattern is a path whose segments are text or `{name}`: "/api/v1/pop/queue/{queue}". Static words win
over parameters. Paths are matched segment by segment while still percent-encoded, so that a name may
hold an encoded slash; a parameter may be empty, since a queue's name may be.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from queen.errors import MethodNotAllowed, NotFound
from queen.http.message import TEXT, Handler, Request, Response
from queen.http.operation import Operation
from queen.http.target import decode_percent


class Route(msgspec.Struct, frozen=True):
    """One operation of the server.

    `safe` False: a GET that changes something, against RFC 9110 §9.2.1, because the contract has it so. It
    does not stand in for HEAD, whose answer would throw away what was taken.
    """

    method: str
    pattern: str
    handler: Handler
    operation: Operation | None = None  # None: for itself alone, in no document
    safe: bool = True


class Match(NamedTuple):
    """The route of a request and its path parameters, decoded, in the order of the pattern."""

    route: Route
    params: tuple[str, ...]


@dataclass(slots=True)
class _Node:
    """One place in the tree of segments."""

    words: "dict[str, _Node]" = field(default_factory=dict)
    parameter: "_Node | None" = None
    routes: dict[str, Route] = field(default_factory=dict)  # by method


class RouteTable:
    """All routes."""

    def __init__(self, routes: Iterable[Route] = ()) -> None:
        self._static: dict[tuple[str, str], Match] = {}  # routes without parameters
        self._tree = _Node()
        self._routes: list[Route] = []
        for route in routes:
            self.add(route)

    def add(self, route: Route) -> None:
        """Add one route. Raises ValueError when method and pattern are taken."""
        node = self._tree
        for segment in _segments(route.pattern):
            if not segment.startswith("{"):
                node = node.words.setdefault(segment, _Node())
            else:
                node.parameter = node.parameter or _Node()
                node = node.parameter
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.pattern}")
        node.routes[route.method] = route
        self._routes.append(route)
        if "{" not in route.pattern:
            self._static[route.method, route.pattern] = Match(route, ())

    def __iter__(self) -> Iterator[Route]:
        """All routes, in the order in which they were added."""
        return iter(self._routes)

    def match(self, method: str, path: str) -> Match:
        """Find the route of a method and a path.

        HEAD is answered by the route of a safe GET; OPTIONS, on every path, by a CORS preflight answer.
        Raises `NotFound`, `MethodNotAllowed`, and `BadRequest` for an undecodable parameter.
        """
        static = self._static.get((method, path))
        if static is not None:
            return static
        raw_params: list[str] = []
        node = _find(self._tree, _segments(path), 0, raw_params)
        routes = node.routes if node is not None else {}
        route = routes.get(method) or _stand_in(method, routes)
        return Match(route, tuple(map(decode_percent, raw_params)))


def _segments(path: str) -> list[str]:
    return path[1:].split("/")


def _find(node: _Node, segments: list[str], depth: int, params: list[str]) -> _Node | None:
    """The node of the path; fills `params`. Tries the static word first, then the parameter."""
    if depth == len(segments):
        return node if node.routes else None
    segment = segments[depth]
    word = node.words.get(segment)
    if word is not None:
        found = _find(word, segments, depth + 1, params)
        if found is not None:
            return found
    if node.parameter is None:
        return None
    params.append(segment)
    found = _find(node.parameter, segments, depth + 1, params)
    if found is None:
        params.pop()
    return found


def _stand_in(method: str, routes: dict[str, Route]) -> Route:
    if method == "OPTIONS":
        return _PREFLIGHT
    if not routes:
        raise NotFound("no such route")
    get = routes.get("GET")
    head = {"HEAD": get} if get is not None and get.safe else {}
    if method in head:
        return head[method]
    allowed = {*routes, *head, "OPTIONS"}
    raise MethodNotAllowed(tuple(sorted(allowed)))


async def _answer_preflight(_request: Request) -> Response:
    return Response(
        status=204,
        content_type=TEXT,
        headers=(
            ("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS"),
            ("Access-Control-Allow-Headers", "Content-Type, Authorization"),
            ("Access-Control-Max-Age", "86400"),
        ),
    )


_PREFLIGHT = Route("OPTIONS", "*", _answer_preflight)
