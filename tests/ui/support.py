"""Stand-ins for what surrounds the page: Locust's web UI, and the parent process."""

from types import SimpleNamespace
from typing import Any, cast

from flask import Blueprint, Flask, jsonify
from locust.env import Environment

from loadtests.runs.control import Answer, Ask, ControlError, DatabaseView, Seen
from loadtests.ui.page import PoolPage
from loadtests.ui.parent import Parent

VIEW = DatabaseView(
    active=3,
    idle=2,
    idle_in_transaction=1,
    wait_lock=1,
    wait_lwlock=0,
    wait_io=0,
    wait_client=0,
    wait_other=0,
    running=2,
    rows_inserted=1000,
)


class FakeWebUi:
    """As much of Locust's WebUI as the page uses."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.app = Flask(__name__)
        self.template_args: dict[str, Any] = {}
        self.guarded: list[str] = []
        routes = Blueprint("locust", __name__)
        routes.add_url_rule("/", "index", lambda: "<html><body></body></html>")
        routes.add_url_rule("/stats/requests", "request_stats", lambda: jsonify(stats=[]))
        self.starts = True  # whether Locust lets a start through that we let through
        routes.add_url_rule("/swarm", "swarm", lambda: jsonify(success=self.starts), methods=["POST"])
        routes.add_url_rule("/stop", "stop", lambda: jsonify(success=True), methods=["POST"])
        self.app.register_blueprint(routes)

    def auth_required_if_enabled(self, view: Any) -> Any:
        self.guarded.append(view.__name__)
        return view


class FakeParent(Parent):
    """Answers as it is told, and keeps what was asked."""

    def __init__(self, *answers: Answer, url: str = "", pool: int = 20) -> None:
        super().__init__("nowhere", "token")
        self.asked: list[Ask] = []
        self.waited_s: list[float] = []  # how long the answer to each may take
        self.seen = Seen(url, pool, 170, VIEW)
        self._answers = list(answers)

    def ask(self, ask: Ask, timeout_s: float) -> Answer:
        if type(ask).__name__ == "See":
            return self.seen
        self.asked.append(ask)
        self.waited_s.append(timeout_s)
        if not self._answers:
            raise ControlError("queen load does not answer: gone")
        return self._answers.pop(0)


def environment(host: str, state: str = "ready", base_path: str = "") -> Environment:
    """As much of Locust's environment as the page reads."""
    options = SimpleNamespace(web_base_path=base_path)
    runner = SimpleNamespace(state=state)
    none = {"shape_class": None, "web_ui": None}
    return cast(Environment, SimpleNamespace(host=host, runner=runner, parsed_options=options, **none))


def attached(host: str, parent: Parent | None = None, **changes: str) -> tuple[FakeWebUi, PoolPage]:
    """A page inside a web UI."""
    web_ui, page = FakeWebUi(), PoolPage(parent)
    page.attach(environment(host, **changes), web_ui, check=lambda parsed: None)
    return web_ui, page
