"""The command line that repeats a load: what a person would type, not how the process came to be."""

from collections.abc import Mapping
from typing import Any

from locust.argument_parser import LocustArgumentParser
from msgspec import Struct

from loadtests.load.bounds import option_name
from loadtests.load.options import add_arguments
from loadtests.runs.server_facts import ServerFacts

OF_QUEEN_LOAD = ("loop", "rate", "consumers", "results_dir")  # the others stand behind `--` there


class Started(Struct, frozen=True, kw_only=True):
    """How a load was started."""

    shape: str  # its scenario
    users: int  # consumers too
    host: str
    headless: bool
    run_time_s: float | None = None  # None: until somebody ends it, or its course does
    processes: int = 1
    by_queen_load: bool = False


def repeating(started: Started, facts: ServerFacts, options: Mapping[str, Any]) -> tuple[str, ...]:
    """`queen load high --users 5 …`, or `locust -f …`, with those options that are not the scenario's own.

    A server that was started for the load is started again, as it was configured: its address is gone.
    """
    changed = _changed(started.shape, options)
    if not started.by_queen_load:
        path = f"loadtests/locustfiles/{started.shape}.py"
        rate = ("--spawn-rate", str(started.users))
        return ("locust", "-f", path, "--host", started.host, *_common(started), *rate, *_words(changed))
    own = {name: value for name, value in changed.items() if name in OF_QUEEN_LOAD}
    others = {name: value for name, value in changed.items() if name not in OF_QUEEN_LOAD}
    handed_on = ("--", *_words(others)) if others else ()
    server = _server(facts) if facts.server is not None else ("--host", started.host)
    return ("queen", "load", started.shape, *_common(started), *server, *_words(own), *handed_on)


def _common(started: Started) -> tuple[str, ...]:
    words = ["--users", str(started.users)]
    if started.processes > 1:
        words += ["--processes", str(started.processes)]
    if started.headless:
        words.append("--headless")
    if started.run_time_s is not None:
        words += ["--run-time", f"{started.run_time_s:g}s"]
    return tuple(words)


def _server(facts: ServerFacts) -> tuple[str, ...]:
    asked = {"pool": facts.pool, "strategy": facts.strategy}
    return _words({name: value for name, value in asked.items() if value is not None})


def _changed(shape: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that differ from what the scenario says when nobody asks for anything."""
    parser = LocustArgumentParser()
    add_arguments(parser, shape)
    return {name: value for name, value in options.items() if parser.get_default(name) != value}


def _words(options: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(word for name, value in options.items() for word in (option_name(name), _text(value)))


def _text(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
