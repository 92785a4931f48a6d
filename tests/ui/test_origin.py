from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import Client, EnvironBuilder

from loadtests.ui.origin import OriginGuard

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

OWN = "127.0.0.1:8089"


def open_to_all(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Access-Control-Allow-Origin", "*"), ("Content-Type", "text/plain")])
    return [b"changed"]


def status(
    method: str, headers: dict[str, str] | None = None, *, loopback: bool = True, host: str = OWN
) -> int:
    named = Headers({"Host": host, **(headers or {})})
    environ = EnvironBuilder(path="/swarm", method=method, headers=named).get_environ()
    return Client(OriginGuard(open_to_all, loopback=loopback)).open(environ).status_code


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),  # a program
        ({"Origin": f"http://{OWN}"}, 200),
        ({"Origin": f"https://{OWN}"}, 200),  # behind a proxy that speaks TLS
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": f"http://{OWN}.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
def test_only_the_page_itself_and_programs_may_write(headers: dict[str, str], expected: int) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert status(method, headers) == expected
    assert status("GET", headers) == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8089", 200),
        ("localhost", 200),
        ("LOCALHOST:5", 200),
        ("[::1]:8089", 200),
        ("127.8.9.1:1", 200),
        ("rebound.example:8089", 403),
        ("127.0.0.1.evil.example", 403),
        ("10.0.0.1:8089", 403),
        ("", 403),
    ],
)
def test_on_a_loopback_address_every_request_names_one(host: str, expected: int) -> None:
    assert status("GET", host=host) == expected
    assert status("POST", host=host) == expected
    assert status("GET", host=host, loopback=False) == 200


def test_nobody_else_may_read_the_answer_or_frame_the_page() -> None:
    answer = Client(OriginGuard(open_to_all, loopback=True)).get("/", base_url="http://127.0.0.1")
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
