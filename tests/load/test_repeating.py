"""The command line that a record gives is one that starts the same load again."""

from typing import Any

from locust.argument_parser import LocustArgumentParser
from msgspec.structs import replace

from loadtests.load.options import add_arguments, arguments_of, read_options
from loadtests.load.repeating import Started, repeating
from loadtests.runs.server_facts import ServerFacts

STARTED = Started(shape="ramp", users=5, host="http://queue:6632", headless=True, by_queen_load=True)
OURS = ServerFacts(url="http://127.0.0.1:1", server="queen 0.1.0", pool=50, strategy="batch")
CHANGED = ("--to-rate", "2000", "--batch", "7", "--consumers", "0.25")


def chosen(shape: str, *words: str) -> dict[str, Any]:
    parser = LocustArgumentParser()
    add_arguments(parser, shape)
    return dict(arguments_of(read_options(parser.parse_args([*words]))))


def test_a_server_that_was_started_for_the_load_is_started_again() -> None:
    words = repeating(STARTED, OURS, chosen("ramp", *CHANGED))
    expected = "queen load ramp --users 5 --headless --pool 50 --strategy batch --consumers 0.25"
    assert " ".join(words) == f"{expected} -- --batch 7 --to-rate 2000"


def test_another_server_is_named() -> None:
    started = replace(STARTED, shape="high", run_time_s=30.0, processes=2, headless=False)
    words = repeating(started, ServerFacts(), chosen("high"))
    told = "queen load high --users 5 --processes 2 --run-time 30s --host http://queue:6632"
    assert " ".join(words) == told


def test_what_locust_was_started_for_by_hand_is_a_command_of_locust() -> None:
    started = replace(STARTED, by_queen_load=False)
    words = repeating(started, ServerFacts(), chosen("ramp", *CHANGED))
    assert words[:5] == ("locust", "-f", "loadtests/locustfiles/ramp.py", "--host", "http://queue:6632")
    assert words[5:10] == ("--users", "5", "--headless", "--spawn-rate", "5")
    assert chosen("ramp", *words[10:]) == chosen("ramp", *CHANGED), "read again they are the same options"
