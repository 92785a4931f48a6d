"""What a start by Locust's form may do: begin a run that can begin, or change what can be changed in one.

Locust says "Swarming started" to any start. It keeps what its form sets (`form_fields.py`), of which a run
that is on sees the number of users, their spawn rate and the run time alone. So nothing reaches it here
that the command line would not take, nor what a run that is on would not do; and what Locust does do to
that run its answer says.

What is refused for its value is answered as Locust answers its own refusals, with 200 and `success: false`:
of an answer with another status its page says "An unknown error occurred", and the text is lost.
"""

from argparse import Action, Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from flask import Flask, Response, current_app, g, jsonify, make_response, request
from locust.argument_parser import get_parser, ui_extra_args_dict
from locust.env import Environment
from locust.runners import MasterRunner

from loadtests.load.bounds import shown
from loadtests.load.options.values import OptionError
from loadtests.ui.form_fields import LOCUSTS_FIELDS, only_for_the_next_run, with_form
from loadtests.ui.run_end import RunEnd
from loadtests.ui.start_watch import StartWatch

NO_WORKER = "no worker has connected: there is nobody to make the load"
ONLY_USERS = (
    "a run is on, of which only the number of users, their spawn rate and the run time can be changed"
)

Check = Callable[[Namespace], None]
"""Refuses options with which no run can begin. Raises `OptionError`."""


class NotNow(Exception):
    """Nothing can be started, or changed in this way, at the moment. One line."""


def _nothing() -> None:
    """Nobody is to be told."""


@dataclass(frozen=True)
class Runs:
    """What there is to know of the runs, and who is told of starts."""

    why_not: Callable[[], str] = lambda: ""  # why nothing can be started just now; empty: it can
    run_on: Callable[[], bool] = lambda: False  # a start would change the run that is on
    make_way: Callable[[], None] = _nothing  # before a start that begins a run is let through
    no_start: Callable[[], None] = _nothing  # nothing more will come of that start than has by now
    settle: Callable[[], None] = _nothing  # waits until a start that is under way has come to something


def guard_form(
    app: Flask,
    environment: Environment,
    runs: Runs,
    *,
    check: Check,
    actions: Callable[[], Mapping[str, Action]] = lambda: get_parser().args_included_in_web_ui,
    fields: Callable[[], set[str]] = lambda: set(ui_extra_args_dict()),
) -> None:
    """Let no start through to Locust that would come to nothing.

    `actions` and `fields`: the options of the command line by their names, and the names of those in the
    form; as Locust has them.
    """
    end = RunEnd(lambda: _stop(environment))
    start = StartWatch(environment, runs.no_start)

    @app.before_request
    def refuse() -> Response | None:
        if request.endpoint == "locust.stop":
            runs.settle()  # else Locust says that it is stopped, and the run begins afterwards
        if request.endpoint != "locust.swarm":
            return None
        if strange := sorted(set(request.form) - LOCUSTS_FIELDS - fields()):
            text = shown(", ".join(strange))
            return _refusal(f"no fields of this form: {text}", HTTPStatus.BAD_REQUEST)
        try:
            g.changed = judge()
        except (OptionError, NotNow) as error:
            return _refusal(str(error))
        g.begins = not g.changed
        if g.begins:
            start.forget()
            runs.make_way()
        return None

    def judge() -> str:
        """What will become of the run that is on; empty: another begins."""
        if reason := runs.why_not():
            raise NotNow(reason)
        wanted = with_form(environment, request.form, actions())
        check(wanted)
        g.run_time_s = wanted.run_time if request.form.get("run_time") else None
        if isinstance(environment.runner, MasterRunner) and not environment.runner.worker_count:
            raise NotNow(NO_WORKER)
        if not runs.run_on():
            return ""
        if names := only_for_the_next_run(environment, request.form, wanted, actions()):
            raise NotNow(f"{ONLY_USERS}, not {', '.join(names)}: stop it first")
        return _change(environment, wanted)

    @app.after_request
    def tell(response: Response) -> Response:
        begins, changed = g.get("begins"), g.get("changed")
        stops = request.endpoint == "locust.stop" and response.status_code == HTTPStatus.OK
        succeeds = bool(begins or changed) and _is_success(response)
        g.told = True
        if stops or (begins and not succeeds):
            start.forget()
            runs.no_start()
            end.over()
        elif succeeds and (begins or g.run_time_s):
            end.begins(g.run_time_s)
        elif succeeds:
            end.goes_on()
        if begins and succeeds:
            start.let_through()
        if changed and succeeds:
            left_s = end.left_s()
            _say(response, changed + ("" if left_s is None else f", and ends in {left_s} s"))
        return response

    @app.teardown_request
    def fall(_: BaseException | None) -> None:
        """Locust's Flask runs in debug mode, in which a view that fails is not answered from here."""
        if g.get("begins") and not g.get("told"):
            runs.no_start()


def _change(environment: Environment, wanted: Namespace) -> str:
    """What Locust is about to do to the run that is on, in a sentence."""
    before = environment.runner.target_user_count if environment.runner is not None else None
    instead = "" if before in (None, wanted.num_users) else f" instead of {before}"
    return (
        f"the run that is on goes on with {wanted.num_users} users{instead}, {wanted.spawn_rate:g} a second"
    )


def _stop(environment: Environment) -> None:
    if environment.runner is not None:
        environment.runner.stop()


def _say(response: Response, text: str) -> None:
    """Put the text in the place of what Locust says."""
    response.set_data(current_app.json.dumps({**response.get_json(), "message": text}))


def _refusal(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return make_response(jsonify(success=False, message=text), status)


def _is_success(response: Response) -> bool:
    told = response.get_json(silent=True)
    return isinstance(told, dict) and told.get("success") is True
