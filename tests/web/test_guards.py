"""The guards in a real Locust process: nothing of them may depend on an order that Locust decides."""

import http.client
import json
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.locustfiles.support import free_port, locust, until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# As Locust's manual has it.
WITH_LOGIN = """
from flask_login import UserMixin
from locust import events
from loadtests.load.users import QueueUser
from loadtests.load.web_mode import install

install("reasonable")

@events.init.add_listener
def on_init(environment, **_):
    environment.web_ui.app.config["SECRET_KEY"] = "of this test"
    environment.web_ui.login_manager.user_loader(lambda name: None)
"""
START = {"user_count": "1", "spawn_rate": "1", "host": "http://127.0.0.1:1"}


@dataclass(frozen=True)
class Answered:
    status: int
    headers: list[str]  # their names
    text: str


class Address:
    """The page of a running Locust, as any program may ask it."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    def ask(self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str) -> Answered:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = urllib.parse.urlencode(form) if form is not None else None
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {**(FORM if body else {}), **named})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return Answered(answer.status, [name.lower() for name, _ in answer.getheaders()], text)

    def status(self, method: str, path: str, form: Mapping[str, str] | None = None, **headers: str) -> int:
        return self.ask(method, path, form, **headers).status

    @property
    def state(self) -> str:
        """Of Locust's runner."""
        return str(json.loads(self.ask("GET", "/queen/live").text)["state"])

    def shows(self, path: str) -> bool | None:
        try:
            return True if self.status("GET", path) == 200 else None
        except OSError:
            return None


@contextmanager
def plain_locust(
    directory: Path, *options: str, name: str = "reasonable", base_path: str = "", shown_at: str = "/queen"
) -> Iterator[Address]:
    port = free_port()
    words = ("--web-port", str(port), "--web-base-path", base_path, *options)
    with locust(name, *words, cwd=directory) as process:
        address = Address(port, process.pid)
        until(lambda: address.shows(base_path + shown_at))
        yield address


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    with plain_locust(tmp_path_factory.mktemp("page")) as address:
        yield address


@pytest.mark.parametrize("path", ["/swarm", "/stop", "/stats/reset", "/user", "/queen/pool"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_no_other_page_may_change_anything(page: Address, path: str, origin: str) -> None:
    answer = page.ask("POST", path, START, Origin=origin)
    assert answer.status == 403
    assert "only the page itself" in answer.text


@pytest.mark.parametrize("path", ["/", "/queen", "/queen/live", "/stats/requests", "/swarm", "/stop"])
def test_no_request_under_another_name_is_answered(page: Address, path: str) -> None:
    method = "POST" if path in ("/swarm", "/stop") else "GET"
    assert page.status(method, path, Host="rebound.example") == 403


@pytest.mark.parametrize("path", ["/", "/queen", "/queen/live", "/stats/requests", "/tasks", "/nowhere"])
def test_no_answer_is_for_other_origins_to_read(page: Address, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        headers = page.ask(method, path, Origin="http://evil.example").headers
        assert [name for name in headers if name.startswith("access-control")] == []


def test_the_page_itself_and_programs_may(page: Address) -> None:
    own = f"http://127.0.0.1:{page.port}"
    assert page.status("POST", "/stats/reset", Origin=own) == 200
    assert page.status("POST", "/stats/reset") == 200
    assert page.status("POST", "/stop", Origin=own) == 200


@pytest.mark.parametrize("key", ["results_dir", "web_host", "tls_key", "locustfile"])
def test_the_form_sets_only_what_is_in_it(page: Address, key: str) -> None:
    answer = page.ask("POST", "/swarm", {**START, key: "x"})
    assert answer.status == 400
    assert key in answer.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate", "-5"),
        ("rate", "nan"),
        ("payload_bytes", "-1"),
        ("host", "foo"),
        ("user_count", "0"),
        ("run_time", "99999999999999h"),
        ("batch", "many"),
    ],
)
def test_a_value_with_which_no_run_begins_starts_nothing_and_does_not_stick(
    page: Address, field: str, value: str
) -> None:
    before = page.ask("GET", "/").text
    state = page.state
    answer = page.ask("POST", "/swarm", {**START, field: value})
    told = json.loads(answer.text)
    assert (answer.status, told["success"]) == (200, False)
    assert value in told["message"]
    assert page.state == state
    assert page.ask("GET", "/").text == before


def test_a_master_refuses_the_same_and_a_start_that_nobody_could_carry_out(tmp_path: Path) -> None:
    words = ("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(free_port()))
    with plain_locust(tmp_path, *words) as master:
        for form, named in (({**START, "rate": "-5"}, "--rate -5"), (START, "no worker")):
            told = json.loads(master.ask("POST", "/swarm", form).text)
            assert told["success"] is False
            assert named in told["message"]


def test_under_plain_locust_the_pool_is_read_only(page: Address) -> None:
    answer = page.ask("POST", "/queen/pool", {"pool": "5"})
    assert answer.status == 403
    assert "read-only" in answer.text


def test_it_listens_on_this_machine_alone_unless_asked(page: Address, tmp_path: Path) -> None:
    assert listening(page) == {"127.0.0.1"}
    with plain_locust(tmp_path, "--web-host", "*") as everywhere:
        assert listening(everywhere) <= {"0.0.0.0", "::"}
        assert everywhere.status("GET", "/queen", Host="load.example") == 200
        assert everywhere.status("POST", "/stop", Host="load.example", Origin="http://evil.example") == 403


def test_below_a_base_path_the_page_and_its_guards_are_there_as_well(tmp_path: Path) -> None:
    with plain_locust(tmp_path, base_path="/load") as address:
        assert address.status("GET", "/load/queen") == 200
        assert address.status("GET", "/load/queen/live") == 200
        assert "queen/static/tab.js" in address.ask("GET", "/load/").text
        assert address.status("POST", "/load/swarm", START, Origin="http://evil.example") == 403
        assert address.status("POST", "/load/swarm", {**START, "results_dir": "x"}) == 400


def test_with_a_login_nothing_is_shown_to_who_has_none(tmp_path: Path) -> None:
    locustfile = tmp_path / "with_login.py"
    locustfile.write_text(WITH_LOGIN)
    with plain_locust(
        tmp_path, "--web-login", name=str(locustfile.with_suffix("")), shown_at="/login"
    ) as address:
        for path in ("/queen", "/queen/live"):
            answer = address.ask("GET", path)
            assert (answer.status, "panels" in answer.text) == (302, False)
        assert address.status("POST", "/queen/pool", {"pool": "5"}) == 302


def listening(page: Address) -> set[str]:
    sockets = psutil.Process(page.pid).net_connections(kind="tcp")
    return {each.laddr.ip for each in sockets if each.status == "LISTEN" and each.laddr.port == page.port}
