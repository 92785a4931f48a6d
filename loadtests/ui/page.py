"""The page `/queen` inside Locust's web UI, and a tab with the same charts on Locust's own page.

Server and parent are asked here, not by the browser: no second address, and no token leaves this process.
"""

import logging
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, request, send_from_directory
from locust.env import Environment
from msgspec import Struct
from werkzeug.exceptions import HTTPException

from loadtests.load.measuring.group_accounts import LedgerState, ledger_state
from loadtests.load.observing import RunObserver
from loadtests.load.target import PoolGauges
from loadtests.ui.form_guard import Check, Runs, guard_form
from loadtests.ui.live import Live, Point
from loadtests.ui.origin import LOOPBACK_HOST, OriginGuard
from loadtests.ui.page_observer import PageObserver, RunNow
from loadtests.ui.panels import NO_POOL, NOT_YET, Panel, panels_after
from loadtests.ui.parent import Parent, own_parent
from loadtests.ui.pool_control import READ_ONLY, PoolControl
from loadtests.ui.reading import Reading
from loadtests.ui.runs_table import Row, RunsTable

STATIC = Path(__file__).parent / "static"
TAB = "queen"
RESTARTING = "the server is being started anew: try again in a moment"
CHANGING = "a run is beginning or comes to its end just now: try again in a moment"
LOOKED_INTO = (
    "the messages of the run before are still being looked up in the table, which a run would feel: "
    "try again in a moment"
)
LOADS_TAB = '<script type="module" src="./queen/static/tab.js"></script></body>'

logger = logging.getLogger(__name__)


class PoolForm(Struct, frozen=True):
    """What the page offers for the pool; `why` says why nothing can be changed, empty: it can."""

    pool: int | None
    most: int | None
    restarting: bool
    why: str


class View(Struct, frozen=True, rename="camel"):
    """Everything the page shows, at one time; of the points those that the page has not seen yet."""

    host: str
    state: str  # of Locust's runner
    pool_form: PoolForm
    panels: tuple[Panel, ...]
    oldest: int  # number of the first point of this target: what a page has before that is of another
    points: tuple[Point, ...]
    alarm: str  # that the run that is on pushes in vain, and why; empty: it does not
    warnings: tuple[str, ...]  # against its generator, by the last seconds
    failure: str  # why the latest run did not begin or was not written; empty: it did and was
    account: LedgerState | None  # of the run that is on, or of the last one
    looked_into: bool  # the messages of the last one are still being looked up in the table
    runs: tuple[Row, ...]


class PoolPage:
    """The page of one Locust process, its data, and the tab."""

    def __init__(self, parent: Parent | None = None) -> None:
        parent = parent or own_parent()
        self._read_only = parent is None
        self._live = Live(parent)
        self._table = RunsTable()
        self._observer = PageObserver(self._live, self._table, parent)
        self._control = PoolControl(parent, lambda: self._run_now() is not RunNow.NONE)
        self._environment: Environment | None = None

    @property
    def observer(self) -> RunObserver:
        """Who must be told of the runs."""
        return self._observer

    def starting(self) -> AbstractContextManager[None]:
        """A start is under way in this block: at its end a run is on, or none comes."""
        return self._observer.starting()

    def failed(self, reason: str) -> None:
        """A run did not begin, or could not be written: the page says so until the next one begins."""
        self._observer.failed(reason)

    def attach(self, environment: Environment, web_ui: Any, *, check: Check) -> None:
        """Add page, tab and guards to a Locust WebUI; `check` refuses what no run can begin with."""
        self._environment = environment
        self._observer.has_page = True
        app: Flask = web_ui.app
        app.register_blueprint(self._blueprint(web_ui), url_prefix=_base_path(environment))
        web_ui.template_args.update(
            extended_tabs=[{"title": "Queen pool", "key": TAB}],
            extended_tables=[
                {
                    "key": TAB,
                    "structure": [
                        {"key": "name", "title": "Database pool of the server"},
                        {"key": "value", "title": "Now"},
                    ],
                }
            ],
        )
        self._feed_tab(app)
        guard_form(
            app,
            environment,
            Runs(
                why_not=self._why_no_start,
                run_on=lambda: self._run_now() is RunNow.ON,
                make_way=self._observer.make_way,
                no_start=self._observer.no_start,
                settle=self._observer.settle,
            ),
            check=check,
        )
        loopback = LOOPBACK_HOST.fullmatch(web_ui.host) is not None or web_ui.host == "::1"
        app.wsgi_app = OriginGuard(app.wsgi_app, loopback=loopback)  # type: ignore[method-assign]

    def view(self, after: int) -> View:
        """What the page shows now; asks server and parent if that was not done a moment ago.

        `after`: the page has the points up to this number.
        """
        latest = self._live.look(self._host, with_backlog=True)
        points = self._live.points
        return View(
            host=self._host,
            state=self._state(),
            pool_form=self._pool_form(latest),
            panels=panels_after(len(points)),
            oldest=points[0].number,
            points=tuple(point for point in points if point.number > after),
            alarm=self._live.alarm,
            warnings=self._live.warnings,
            failure=self._observer.failure,
            account=ledger_state(self._live.total) if self._live.total is not None else None,
            looked_into=self._observer.is_looked_into(),
            runs=self._table.rows(),
        )

    @property
    def _host(self) -> str:
        host = self._environment.host if self._environment is not None else None
        return host or ""

    def _why_no_start(self) -> str:
        """Why Locust's form can begin no run just now and change none; empty: it can."""
        if self._control.restarting:
            return RESTARTING
        now = self._run_now()
        if now is RunNow.CHANGING:
            return CHANGING
        return LOOKED_INTO if now is RunNow.NONE and self._observer.is_looked_into() else ""

    def _run_now(self) -> RunNow:
        return self._observer.run_now(self._state())

    def _state(self) -> str:
        runner = self._environment.runner if self._environment is not None else None
        return str(runner.state) if runner is not None else "ready"

    def _pool_form(self, latest: Reading) -> PoolForm:
        seen, restarting = self._live.seen, self._control.restarting
        if seen is not None:
            return PoolForm(seen.pool, seen.most_pool, restarting, "")
        pool = latest.pool.max_count if latest.pool is not None else None
        why = READ_ONLY if self._read_only else "the server under load is not the one that was started here"
        return PoolForm(pool, None, restarting, "" if restarting else why)

    def _blueprint(self, web_ui: Any) -> Blueprint:
        """The routes below /queen; with --web-login they need it as Locust's own do."""
        blueprint = Blueprint("queen", __name__)

        @blueprint.get("/queen")
        @web_ui.auth_required_if_enabled
        def page() -> Response:
            return send_from_directory(STATIC, "page.html")

        @blueprint.get("/queen/static/<path:name>")
        def static(name: str) -> Response:
            return send_from_directory(STATIC, name)

        @blueprint.get("/queen/live")
        @web_ui.auth_required_if_enabled
        def live() -> Response:
            view = self.view(request.args.get("after", default=0, type=int))
            return Response(msgspec.json.encode(view), mimetype="application/json")

        @blueprint.post("/queen/pool")
        @web_ui.auth_required_if_enabled
        def pool() -> Response:
            outcome = self._control.change(request.form.get("pool", ""))
            return Response(msgspec.json.encode(outcome), outcome.status, mimetype="application/json")

        @blueprint.errorhandler(Exception)
        def failed(error: Exception) -> Response:
            """One line: Locust's Flask runs in debug mode, which would show the source."""
            if isinstance(error, HTTPException):
                return Response(f"{error.name}\n", error.code, mimetype="text/plain")
            logger.exception("the page failed", exc_info=error)
            return Response("the page failed, see the log\n", HTTPStatus.INTERNAL_SERVER_ERROR)

        return blueprint

    def _feed_tab(self, app: Flask) -> None:
        """Give Locust's page the script that draws the tab, and the table's rows (its documented extension).

        Its answer of statistics is the same object for two seconds: what we put there replaces.
        """

        @app.after_request
        def extend(response: Response) -> Response:
            if request.endpoint == "locust.index" and response.mimetype == "text/html":
                response.set_data(response.get_data(as_text=True).replace("</body>", LOADS_TAB, 1))
            elif request.endpoint == "locust.request_stats" and response.is_json:
                body = response.get_json()
                gauges = self._live.look(self._host, with_backlog=False).pool
                body["extended_stats"] = [{"key": TAB, "data": _rows(self._host, gauges)}]
                response.set_data(app.json.dumps(body))
            return response


def _base_path(environment: Environment) -> str | None:
    path: str | None = getattr(environment.parsed_options, "web_base_path", None)
    return path or None


def _rows(host: str, gauges: PoolGauges | None) -> list[dict[str, object]]:
    if gauges is None:
        return [{"name": f"not available: {NO_POOL if host else NOT_YET}", "value": "-"}]
    return [
        {"name": "totalCount: connections open", "value": gauges.total_count},
        {"name": "idleCount: of them free", "value": gauges.idle_count},
        {"name": "waitingCount: calls that wait for one", "value": gauges.waiting_count},
        *(
            [{"name": "boarding: requests that wait to share a call", "value": gauges.boarding.waiting_count}]
            if gauges.boarding is not None
            else []
        ),
    ]
