"""Which handler answers, and what it is given."""

import pytest

from queen.errors import BadRequest, MethodNotAllowed, NotFound
from queen.http.message import Request, Response
from queen.http.routes import Route, RouteTable
from queen.http.target import decode_query, split_target


async def _handler(_request: Request) -> Response:
    return Response()


def route(method: str, pattern: str) -> Route:
    return Route(method, pattern, _handler)


PATTERNS = [
    ("GET", "/health"),
    ("POST", "/api/v1/push"),
    ("GET", "/pop/queue/{queue}"),
    ("GET", "/pop/queue/{queue}/partition/{partition}"),
    ("GET", "/groups/lagging"),
    ("GET", "/groups/{group}"),
    ("DELETE", "/groups/{group}"),
    ("POST", "/groups/{group}/queues/{queue}/seek"),
]
TABLE = RouteTable(route(method, pattern) for method, pattern in PATTERNS)


@pytest.mark.parametrize(
    ("method", "path", "pattern", "params"),
    [
        ("GET", "/health", "/health", ()),
        ("HEAD", "/health", "/health", ()),
        ("GET", "/pop/queue/orders", "/pop/queue/{queue}", ("orders",)),
        ("GET", "/pop/queue/a%2Fb%20c", "/pop/queue/{queue}", ("a/b c",)),
        ("GET", "/pop/queue/a+b", "/pop/queue/{queue}", ("a+b",)),
        ("GET", "/pop/queue/🐝", "/pop/queue/{queue}", ("🐝",)),
        ("GET", "/pop/queue/%F0%9F%90%9D", "/pop/queue/{queue}", ("🐝",)),
        ("GET", "/pop/queue/100%25", "/pop/queue/{queue}", ("100%",)),
        ("GET", "/pop/queue/%2525", "/pop/queue/{queue}", ("%25",)),
        ("GET", "/pop/queue/..", "/pop/queue/{queue}", ("..",)),
        ("GET", "/pop/queue/", "/pop/queue/{queue}", ("",)),
        ("GET", "/pop/queue//partition/p", "/pop/queue/{queue}/partition/{partition}", ("", "p")),
        ("GET", "/pop/queue/q/partition/p", "/pop/queue/{queue}/partition/{partition}", ("q", "p")),
        ("GET", "/groups/lagging", "/groups/lagging", ()),
        ("GET", "/groups/g", "/groups/{group}", ("g",)),
        ("POST", "/groups/lagging/queues/q/seek", "/groups/{group}/queues/{queue}/seek", ("lagging", "q")),
    ],
)
def test_found(method: str, path: str, pattern: str, params: tuple[str, ...]) -> None:
    match = TABLE.match(method, path)
    assert (match.route.pattern, match.params) == (pattern, params)


@pytest.mark.parametrize("path", ["/", "/healthy", "/health/", "/pop/queue", "/pop/queue/a/b", "/pop", "*"])
def test_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        TABLE.match("GET", path)


def test_the_methods_of_a_path_are_told() -> None:
    with pytest.raises(MethodNotAllowed) as wrong:
        TABLE.match("PATCH", "/groups/g")
    assert wrong.value.allow == ("DELETE", "GET", "HEAD", "OPTIONS")


def test_an_unknown_path_is_not_found_whatever_the_method() -> None:
    with pytest.raises(NotFound):
        TABLE.match("BREW", "/nowhere")


@pytest.mark.parametrize("name", ["%", "%4", "%zz", "%ff", "%c0%af", "a%ED%A0%80"])
def test_an_undecodable_name_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        TABLE.match("GET", f"/pop/queue/{name}")


def test_a_second_route_for_a_path_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="two routes for GET /groups/"):
        RouteTable([route("GET", "/groups/{group}"), route("GET", "/groups/{name}")])


@pytest.mark.parametrize(
    ("query", "decoded"),
    [
        ("", {}),
        ("batch=10&wait=true", {"batch": "10", "wait": "true"}),
        ("a=1&a=2", {"a": "2"}),
        ("a", {"a": ""}),
        ("a=&&b==c", {"a": "", "b": "=c"}),
        ("group=a+b%2Bc", {"group": "a b+c"}),
        ("gr%C3%BCn=%F0%9F%90%9D", {"grün": "🐝"}),
    ],
)
def test_queries(query: str, decoded: dict[str, str]) -> None:
    assert decode_query(query) == decoded


@pytest.mark.parametrize(
    ("target", "path_and_query"),
    [
        ("/a?b=c?d", ("/a", "b=c?d")),
        ("/a?", ("/a", "")),
        ("//a", ("//a", "")),
        ("*", ("*", "")),
        ("http://host:80/a?b", ("/a", "b")),
        ("http://host", ("/", "")),
        ("HTTPS://host?b", ("/", "b")),
    ],
)
def test_targets(target: str, path_and_query: tuple[str, str]) -> None:
    assert split_target(target) == path_and_query


@pytest.mark.parametrize("target", ["", "a", "host:443", "ftp://host/a", "*a"])
def test_targets_that_name_no_path(target: str) -> None:
    with pytest.raises(BadRequest):
        split_target(target)
