"""The page `/queen` inside Locust's web UI, and a tab on Locust's own page that leads to it.

Shows the target's pool live, and where runs were written. The pool is read here, not by the browser
(no CORS, no second address), and only while a page is open: each look of a page asks for one reading,
at most `READINGS_PER_S` a second however many pages are open.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request, send_from_directory
from gevent.lock import RLock
from msgspec import Struct

from loadtests.load.observing import Verdict
from loadtests.load.part import Part
from loadtests.load.plan import LoadPlan
from loadtests.load.target import PoolGauges, PoolProbe
from loadtests.results import RunFiles

HERE = Path(__file__).parent
READINGS_PER_S = 2.0
KEPT_READINGS = 600  # five minutes at two a second
TAB = "queen"


class PoolReading(Struct, frozen=True):
    """The pool at one time; `t_s` is `perf_counter`, `gauges` None: not available."""

    t_s: float
    gauges: PoolGauges | None


class PoolHistory:
    """The last readings of one target's pool; forgets them when the target changes."""

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        self._clock = clock
        self._host = ""
        self._probe: PoolProbe | None = None
        self._readings: deque[PoolReading] = deque(maxlen=KEPT_READINGS)
        self._one_at_a_time = RLock()

    @property
    def readings(self) -> tuple[PoolReading, ...]:
        """Oldest first."""
        return tuple(self._readings)

    def look(self, host: str) -> PoolReading:
        """A reading that is at most 1 / `READINGS_PER_S` old.

        The probe has one connection: who looks while another waits for the answer gets the same one.
        """
        with self._one_at_a_time:
            if host != self._host:
                self._change_target(host)
            now = self._clock()
            if not self._readings or now - self._readings[-1].t_s >= 1 / READINGS_PER_S:
                gauges = self._probe.read() if self._probe is not None else None
                self._readings.append(PoolReading(now, gauges))
            return self._readings[-1]

    def _change_target(self, host: str) -> None:
        if self._probe is not None:
            self._probe.close()
        self._host = host
        self._readings.clear()
        try:
            self._probe = PoolProbe(host)
        except ValueError:
            self._probe = None


class PoolPage:
    """The page, its data, and the tab. A `RunObserver`: it shows where each run was written."""

    def __init__(self) -> None:
        self._history = PoolHistory()
        self._written: list[Path] = []

    def began(self, files: RunFiles, plan: LoadPlan) -> None:
        """Nothing to show yet."""

    def looked(self, total: Part) -> None:
        """The page asks the server itself."""

    def ended(self, files: RunFiles, plan: LoadPlan, total: Part) -> Verdict | None:
        """A run was written to this directory."""
        self._written.append(files.root)
        return None

    def attach(self, web_ui: Any, host: Callable[[], str]) -> None:
        """Add page and tab to a Locust WebUI; `host()` is the address under load."""
        web_ui.app.register_blueprint(self.blueprint(host))
        web_ui.template_args.update(
            extended_tabs=[{"title": "Pool", "key": TAB}],
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
        self._feed_tab(web_ui.app, host)

    def blueprint(self, host: Callable[[], str]) -> Blueprint:
        """The routes below /queen."""
        blueprint = Blueprint("queen", __name__)

        @blueprint.get("/queen")
        def page() -> Response:
            return send_from_directory(HERE / "static", "pool.html")

        @blueprint.get("/queen/static/<path:name>")
        def static(name: str) -> Response:
            return send_from_directory(HERE / "static", name)

        @blueprint.get("/queen/pool")
        def pool() -> Response:
            latest = self._history.look(host())
            return jsonify(
                host=host(),
                available=latest.gauges is not None,
                written=[str(directory) for directory in self._written],
                readings=[_as_json(reading, latest.t_s) for reading in self._history.readings],
            )

        return blueprint

    def _feed_tab(self, app: Flask, host: Callable[[], str]) -> None:
        """Put the gauges into the answer that Locust's page polls (its documented extension)."""

        @app.after_request
        def add_gauges(response: Response) -> Response:
            if request.path.endswith("/stats/requests") and response.is_json:
                body = response.get_json()
                body["extended_stats"] = [{"key": TAB, "data": self._rows(host())}]
                response.set_data(app.json.dumps(body))
            return response

    def _rows(self, host: str) -> list[dict[str, object]]:
        gauges = self._history.look(host).gauges
        if gauges is None:
            return [{"name": "not available: the server has no /metrics/pool", "value": "-"}]
        return [
            {"name": "totalCount: connections open", "value": gauges.total_count},
            {"name": "idleCount: of them free", "value": gauges.idle_count},
            {"name": "waitingCount: requests that wait for one", "value": gauges.waiting_count},
        ]


def _as_json(reading: PoolReading, now_s: float) -> dict[str, object]:
    gauges = reading.gauges
    return {
        "ageS": round(now_s - reading.t_s, 2),
        "total": gauges.total_count if gauges else None,
        "idle": gauges.idle_count if gauges else None,
        "waiting": gauges.waiting_count if gauges else None,
    }
