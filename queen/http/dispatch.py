"""From a parsed request to its response: token, route, handler, and what each failure looks like."""

import logging

from queen.errors import QueenError
from queen.http.auth import BearerToken
from queen.http.message import Client, Request, Response
from queen.http.parser import ParsedRequest
from queen.http.response import error_response
from queen.http.routes import RouteTable
from queen.http.target import read_target

_log = logging.getLogger("queen.http")


class Dispatcher:
    """Answers requests; raises nothing but cancellation."""

    def __init__(self, routes: RouteTable, token: BearerToken) -> None:
        self._routes = routes
        self._token = token

    async def answer(self, parsed: ParsedRequest, client: Client) -> Response:
        """The response to one request, an error response included.

        A failure that is not a `QueenError` is ours: it is logged once with its trace, and the client
        learns no more than that it happened.
        """
        try:
            target = read_target(parsed.target)
            self._token.check(parsed.method, target.path, parsed.headers)
            route, params = self._routes.match(parsed.method, target.path)
            request = Request(
                parsed.method, target.path, params, target.query, parsed.headers, parsed.body, client
            )
            return await route.handler(request)
        except QueenError as error:
            return error_response(error)
        except Exception:  # noqa: BLE001 - the outermost edge of a request
            _log.exception("handler_failed", extra={"method": parsed.method, "target": parsed.target})
            return error_response(QueenError("internal error"))
