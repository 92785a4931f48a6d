"""The one static bearer token (`QUEEN_TOKEN`, RFC 6750 §2.1). It is compared, never shown."""

import hmac
from collections.abc import Mapping

from queen.errors import Unauthorized

PUBLIC_PATHS = frozenset({"/health", "/livez"})


class BearerToken:
    """Who may send requests: everybody when the token is empty."""

    def __init__(self, token: str) -> None:
        self._expected = token.encode()

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raise `Unauthorized` unless the request carries the token or needs none.

        The probes of an orchestrator and CORS preflight requests carry no token. The comparison takes
        the same time wherever a wrong token differs.
        """
        if not self._expected or path in PUBLIC_PATHS or method == "OPTIONS":
            return
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Header text is Latin-1 as it came: encoding gives the client's bytes back.
        right = hmac.compare_digest(given.strip().encode("latin-1"), self._expected)
        if not right or scheme.lower() != "bearer":
            raise Unauthorized("a bearer token is required")
