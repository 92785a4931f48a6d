"""Who may write: the pages of this very address, and programs that are no browser.

A page of any other site can make a browser send a form to a loopback address. So every request that may
change something must come from the same origin, whichever route it is for: Locust's own start and stop
have no check, and Locust lets every origin read (`Access-Control-Allow-Origin: *`), which is removed.

This is WSGI middleware, not a hook of Flask: it stands before all routes, of Locust and of plugins, and
after every hook, so that no order matters.
"""

import re
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READING = ("GET", "HEAD", "OPTIONS")
LOOPBACK_HOST = re.compile(r"(127(\.\d+){3}|localhost|\[::1\])(:\d+)?", re.IGNORECASE)
NOT_FRAMED = ("X-Frame-Options", "SAMEORIGIN")  # a click on a framed page is one of the same origin

Headers: TypeAlias = list[tuple[str, str]]
ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


class OriginGuard:
    """Lets through what may come in.

    `loopback`: the server listens on a loopback address, and so each request must name one as its host;
    any port, for it may come through a tunnel. A name of another site that resolves to us does not.
    """

    def __init__(self, app: "WSGIApplication", *, loopback: bool) -> None:
        self._app = app
        self._loopback = loopback

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer 403 in one line, or hand on."""
        if refusal := self._refusal(environ):
            body = f"{refusal}\n".encode()
            head = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
            start_response("403 Forbidden", head)
            return [body]

        def start(
            status: str, headers: Headers, exc_info: ExcInfo | None = None
        ) -> Callable[[bytes], object]:
            own = [header for header in headers if not header[0].lower().startswith("access-control-")]
            return start_response(status, [*own, NOT_FRAMED], exc_info)

        return self._app(environ, start)

    def _refusal(self, environ: "WSGIEnvironment") -> str | None:
        host = environ.get("HTTP_HOST", "")
        if self._loopback and not LOOPBACK_HOST.fullmatch(host):
            return "this page is for this machine: open it at 127.0.0.1"
        if environ["REQUEST_METHOD"] in READING or _same_origin(environ, host):
            return None
        return "only the page itself may change something"


def _same_origin(environ: "WSGIEnvironment", host: str) -> bool:
    """By `Origin`; without one by what a browser says instead, and a program says neither."""
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return environ.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
