"""What Locust's start form may set: the fields that are in it, and nothing while there is no server.

Locust writes any form key that is a name of an option, also of those that are left out of the form
(where results go, what the page listens on).
"""

from collections.abc import Callable

from flask import Flask, Response, jsonify, make_response, request
from locust.argument_parser import ui_extra_args_dict

LOCUSTS_FIELDS = frozenset(
    {"user_count", "spawn_rate", "host", "run_time", "user_classes", "shape_class", "profile"}
)


def guard_form(
    app: Flask, *, restarting: Callable[[], bool], fields: Callable[[], set[str]] | None = None
) -> None:
    """Refuse a start with other fields (400), and one while the server is started anew (409).

    `fields`: the names of the options in the form; as Locust has them when it is None.
    """
    in_form = fields or (lambda: set(ui_extra_args_dict()))

    @app.before_request
    def check() -> Response | None:
        if request.endpoint != "locust.swarm":
            return None
        if restarting():
            return _refused("the server is being started anew", 409)
        if strange := sorted(set(request.form) - LOCUSTS_FIELDS - in_form()):
            return _refused(f"no fields of this form: {', '.join(strange)}", 400)
        return None


def _refused(text: str, status: int) -> Response:
    return make_response(jsonify(success=False, message=text), status)
