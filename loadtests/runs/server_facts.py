"""What the starter of a server knows about it, passed to the Locust process in one variable.

Locust sees only an address; `queen load` without `--host` has started the server and its database and
knows how. Without it the fields stay None: not known.
"""

from collections.abc import Mapping, MutableMapping

import msgspec
from msgspec import Struct

FACTS_VARIABLE = "QUEEN_LOAD_SERVER"
WRITTEN_VARIABLE = "QUEEN_LOAD_WRITTEN"  # a file to which every run appends its directory


class ServerFacts(Struct, frozen=True, kw_only=True):
    """The server under load, as configured."""

    url: str | None = None  # where it listens
    strategy: str | None = None
    pool: int | None = None  # DB_POOL_SIZE
    connection_timeout_ms: int | None = None
    num_workers: int = 1
    server: str | None = None  # which server, and its version
    postgres: str | None = None
    postgres_source: str | None = None
    settings: dict[str, str] = {}  # public, secrets masked


def encode(facts: ServerFacts) -> str:
    """The value of the variable."""
    return msgspec.json.encode(facts).decode()


def read_facts(environ: Mapping[str, str]) -> ServerFacts:
    """The facts in an environment; nothing known when there are none."""
    text = environ.get(FACTS_VARIABLE)
    return msgspec.json.decode(text, type=ServerFacts) if text else ServerFacts()


def facts_about(environ: Mapping[str, str], host: str) -> ServerFacts:
    """As `read_facts` when they are of the server at `host`, else nothing: a form may name another server."""
    facts = read_facts(environ)
    return facts if facts.url in (None, host.rstrip("/")) else ServerFacts()


def renew(environ: MutableMapping[str, str], facts: ServerFacts) -> None:
    """The server was started anew: what `read_facts` finds from now on."""
    environ[FACTS_VARIABLE] = encode(facts)
