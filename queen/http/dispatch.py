"""From a parsed request to its response: token, route, handler, and what each failure looks like."""

import logging
from collections.abc import Coroutine
from typing import Any

from queen.errors import QueenError
from queen.http.auth import BearerToken
from queen.http.message import Answer, Client, Request, Response
from queen.http.parser import ParsedRequest
from queen.http.response import error_response
from queen.http.routes import RouteTable
from queen.http.target import read_target

_log = logging.getLogger("queen.http")


class Dispatcher:
    """Answers requests; raises nothing but cancellation.

    A failure that is not a `QueenError` is ours: it is logged once with its trace, and the client learns no
    more than that it happened.
    """

    def __init__(self, routes: RouteTable, token: BearerToken) -> None:
        self._routes = routes
        self._token = token

    def begin(self, parsed: ParsedRequest, client: Client) -> Answer:
        """What the handler gives; an error response when it gives none."""
        try:
            head = parsed.head
            target = read_target(head.target)
            self._token.check(head.method, target.path, head.headers)
            route, params = self._routes.match(head.method, target.path)
            return route.handler(
                Request(head.method, target.path, params, target.query, head.headers, parsed.body, client)
            )
        except Exception as error:  # noqa: BLE001 - the outermost edge of a request
            return failure(parsed, error)

    async def answer(self, parsed: ParsedRequest, handler: Coroutine[Any, Any, Response]) -> Response:
        """The response of a handler that is a coroutine."""
        try:
            return await handler
        except Exception as error:  # noqa: BLE001 - the outermost edge of a request
            return failure(parsed, error)


def failure(parsed: ParsedRequest, error: Exception) -> Response:
    """What the client sees of an error."""
    if isinstance(error, QueenError):
        error.__traceback__ = (
            None  # or error and frames, and with them the body, would wait for the collector
        )
        return error_response(error)
    _log.error(
        "handler_failed", exc_info=error, extra={"method": parsed.head.method, "target": parsed.head.target}
    )
    return error_response(QueenError("internal error"))
