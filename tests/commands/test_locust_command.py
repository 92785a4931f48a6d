from dataclasses import replace

from loadtests.commands.load_request import LoadRequest
from loadtests.commands.locust_command import locust_command

REQUEST = LoadRequest(
    shape="high",
    users=5,
    rate_msg_s=None,
    loop="open",
    consumers=0.0,
    headless=True,
    run_time="30s",
    host=None,
    web_port=0,
    results_dir="results",
    server={},
    handed_on=("--batch", "7"),
)


def test_what_is_handed_on_stands_last_so_that_it_wins() -> None:
    for request in (REQUEST, replace(REQUEST, headless=False)):
        words = locust_command(request, "http://127.0.0.1:1", 8089)
        assert words[-2:] == ("--batch", "7")
        assert words[words.index("--host") + 1] == "http://127.0.0.1:1"
        assert words[words.index("-f") + 1].endswith("locustfiles/high.py")


def test_the_page_is_bound_to_this_machine() -> None:
    words = locust_command(replace(REQUEST, headless=False), "http://127.0.0.1:1", 8089)
    assert words[words.index("--web-host") + 1] == "127.0.0.1"
    assert words[words.index("--web-port") + 1] == "8089"
    assert "--headless" not in words
    assert "--web-host" not in locust_command(REQUEST, "http://127.0.0.1:1", 8089)


def test_several_processes_meet_at_a_port_of_this_machine_alone() -> None:
    words = locust_command(replace(REQUEST, processes=2), "http://127.0.0.1:1", 8089)
    after = {name: words[words.index(name) + 1] for name in words if name.startswith(("--master", "--proc"))}
    assert after["--processes"] == "2"
    assert after["--master-bind-host"] == "127.0.0.1"
    assert after["--master-bind-port"] == after["--master-port"] != "5557"
    assert "--processes" not in locust_command(REQUEST, "http://127.0.0.1:1", 8089)


def test_what_nobody_asked_for_is_left_to_the_environment() -> None:
    silent = locust_command(replace(REQUEST, loop=None, consumers=None, results_dir=None), "http://queue", 1)
    asked = {"--loop", "--rate", "--consumers", "--results-dir"}
    assert not asked & set(silent)
    assert asked < set(locust_command(replace(REQUEST, rate_msg_s=5.0), "http://queue", 1))
