"""docs/contract.md: each endpoint with its promises and the tests that hold the server to them.

    python -m tests.conformance.document

starts a server, asks it for /openapi.json (which is made from its route table), and writes the file. The
same server and the same tests give the same text: `test_document.py` fails when the file is not current.
"""

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from queen.local.server import QueenServer

from .client import Client
from .promises import Promise, promises

PLACE = Path(__file__).parents[2] / "docs" / "contract.md"
HEADING = """# The HTTP contract

Made by `python -m tests.conformance.document` from `GET /openapi.json` and the tests in `tests/conformance/`:
do not edit. Every promise is a test that asks a running `queen serve` over HTTP; where it can make a
difference, on each push strategy, with one and with two worker processes, on PostgreSQL 15 and 18.

Bodies are JSON, their fields and types are in `GET /openapi.json`. A request that is refused gets
`{"error": text, "code": word}` with 400 (wrong, and will stay wrong), 401 (no token), 404, 405, 413, 415,
429 (the queue is full: later) or 503 (not now: later). The rule of acknowledgements is in [ack.md](ack.md).
"""


class Parameter(Struct, frozen=True):
    """One query parameter."""

    name: str
    meaning: str
    default: str


class Endpoint(Struct, frozen=True):
    """One operation as the server describes it."""

    route: str  # "POST /api/v1/push"
    summary: str
    statuses: tuple[str, ...]
    query: tuple[Parameter, ...]


def endpoints(openapi: Any) -> list[Endpoint]:
    """The operations of an OpenAPI document, in its order."""
    return [
        Endpoint(
            route=f"{method.upper()} {path}",
            summary=operation["summary"],
            statuses=tuple(status for status in operation["responses"] if status != "default"),
            query=tuple(
                Parameter(
                    each["name"],
                    each["description"],
                    msgspec.json.encode(each["schema"].get("default", "")).decode(),
                )
                for each in operation["parameters"]
                if each["in"] == "query"
            ),
        )
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    ]


def render(described: Sequence[Endpoint], promised: Sequence[Promise]) -> str:
    """The document. A promise stands under every endpoint that it covers."""
    of_route = {
        endpoint.route: [promise for promise in promised if endpoint.route in promise.routes]
        for endpoint in described
    }
    lines = [HEADING, "| endpoint | what it does | answers | promises |", "|---|---|---|---|"]
    for endpoint in described:
        link = f"[`{endpoint.route}`](#{_anchor(endpoint.route)})"
        statuses = ", ".join(endpoint.statuses)
        lines.append(f"| {link} | {endpoint.summary} | {statuses} | {len(of_route[endpoint.route])} |")
    lines += ["", "## Every request", ""]
    lines += _table([promise for promise in promised if not promise.routes])
    for endpoint in described:
        lines += [
            "",
            f"## {endpoint.route}",
            "",
            f"{endpoint.summary}. Answers {', '.join(endpoint.statuses)}.",
        ]
        lines += ["", *_parameters(endpoint)] if endpoint.query else []
        lines += ["", *_table(of_route[endpoint.route])]
    return "\n".join(lines) + "\n"


def _table(promised: Sequence[Promise]) -> Iterator[str]:
    yield "| promise | test |"
    yield "|---|---|"
    for promise in promised:
        name = f"{promise.module}.py"
        yield f"| {promise.text} | [{name}](../tests/conformance/{name}) |"


def _parameters(endpoint: Endpoint) -> Iterator[str]:
    yield "| parameter | meaning | default |"
    yield "|---|---|---|"
    for each in endpoint.query:
        yield f"| `{each.name}` | {each.meaning} | `{each.default}` |"


def _anchor(heading: str) -> str:
    """What GitHub makes of a heading: lower case, hyphens for spaces, no marks but hyphen and underscore."""
    kept = (letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).replace(" ", "-")


async def current(client: Client) -> str:
    """The document as that server and these tests have it."""
    return render(endpoints((await client.get("/openapi.json")).json), promises())


async def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as place:
        async with QueenServer.start({"PORT": "0"}, log=Path(place) / "log") as server:
            PLACE.write_text(await current(Client.of(server.url)), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
