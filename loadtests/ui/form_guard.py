"""What Locust's start form may set: the fields that are in it, to values with which a run can begin.

Locust believes its form: it writes any key that is a name of an option, also of those that are left out of
the form (where results go, what the page listens on), keeps a value that the run then refuses, and says
"Swarming started" to it. So nothing reaches it here that the command line would not take.

What is refused for its value is answered as Locust answers its own refusals, with 200 and `success: false`:
of an answer with another status its page says "An unknown error occurred", and the text is lost.
"""

from argparse import Action, ArgumentError, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from http import HTTPStatus

from flask import Flask, Response, g, jsonify, make_response, request
from locust.argument_parser import get_parser, ui_extra_args_dict
from locust.env import Environment
from locust.runners import MasterRunner
from werkzeug.datastructures import MultiDict

from loadtests.load.bounds import shown
from loadtests.load.options.values import OptionError

NAMES = {"user_count": "num_users"}  # where the form calls an option otherwise than the command line
CHOSEN = frozenset({"user_classes", "shape_class", "profile"})  # from lists of Locust's, or any text
LOCUSTS_FIELDS = frozenset({"user_count", "spawn_rate", "host", "run_time", *CHOSEN})
NEEDED = ("user_count", "spawn_rate")
NO_WORKER = "no worker has connected: there is nobody to make the load"
RESTARTING = "the server is being started anew: try again in a moment"

Check = Callable[[Namespace], None]
"""Refuses options with which no run can begin. Raises `OptionError`."""


def guard_form(
    app: Flask,
    environment: Environment,
    *,
    restarting: Callable[[], bool],
    check: Check,
    make_way: Callable[[], None] = lambda: None,
    no_start: Callable[[], None] = lambda: None,
    actions: Callable[[], Mapping[str, Action]] = lambda: get_parser().args_included_in_web_ui,
    fields: Callable[[], set[str]] = lambda: set(ui_extra_args_dict()),
) -> None:
    """Let no start through to Locust that would come to nothing.

    `restarting`: there is no server just now. `make_way` is called before a start is let through, and
    `no_start` when Locust has refused that one, or was told to stop: then it begins no more.
    `actions` and `fields`: the options of the command line by their names, and the names of those in the
    form; as Locust has them.
    """

    @app.before_request
    def refuse() -> Response | None:
        if request.endpoint != "locust.swarm":
            return None
        if strange := sorted(set(request.form) - LOCUSTS_FIELDS - fields()):
            text = shown(", ".join(strange))
            return _refusal(f"no fields of this form: {text}", HTTPStatus.BAD_REQUEST)
        if restarting():
            return _refusal(RESTARTING)
        try:
            check(with_form(environment, request.form, actions()))
            if isinstance(environment.runner, MasterRunner) and not environment.runner.worker_count:
                return _refusal(NO_WORKER)
        except OptionError as error:
            return _refusal(str(error))
        make_way()
        g.let_through = True
        return None

    @app.after_request
    def give_up(response: Response) -> Response:
        refused = "let_through" in g and not _is_success(response)
        if refused or request.endpoint == "locust.stop":
            no_start()
        return response


def with_form(
    environment: Environment, form: MultiDict[str, str], actions: Mapping[str, Action]
) -> Namespace:
    """The options as they would be with this form; nothing is changed. Raises `OptionError`.

    Each value is read by the option's own action, as on the command line.
    """
    values = {**vars(environment.parsed_options or Namespace()), "host": environment.host}
    for name in NEEDED:
        if name not in form:
            raise OptionError(f"{_option(name)}: is missing")
    for field, text in form.items():
        if field in CHOSEN or (field == "run_time" and not text):
            continue
        name = NAMES.get(field, field)
        values[name] = _read(actions[name], text)
    return Namespace(**values)


def _read(action: Action, text: str) -> object:
    name = action.option_strings[-1]
    try:
        value = action.type(text) if callable(action.type) else text
    except (ArgumentTypeError, ArgumentError) as error:
        raise OptionError(f"{name} {shown(text)}: {error}") from None
    except (ValueError, TypeError, OverflowError):
        raise OptionError(f"{name} {shown(text)}: expected {_kind(action)}") from None
    if action.choices is not None and value not in action.choices:
        raise OptionError(f"{name} {shown(text)}: expected one of {', '.join(map(str, action.choices))}")
    return value


def _kind(action: Action) -> str:
    return "a whole number" if action.type is int else "a number"


def _is_success(response: Response) -> bool:
    told = response.get_json(silent=True)
    return isinstance(told, dict) and told.get("success") is True


def _option(field: str) -> str:
    return f"--{NAMES.get(field, field).removeprefix('num_').replace('_', '-')}"


def _refusal(text: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return make_response(jsonify(success=False, message=text), status)
