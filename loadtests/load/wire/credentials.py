"""The bearer token of the server under load, from the file that `QUEEN_LOAD_TOKEN_FILE` names.

A file, for what stands in an option is shown in Locust's page, sent to its workers and written into the
record of the run. The token is sent to the server under load and to nobody else.
"""

from collections.abc import Mapping
from pathlib import Path

from loadtests.load.bounds import is_token

TOKEN_FILE_VARIABLE = "QUEEN_LOAD_TOKEN_FILE"


def read_token(environ: Mapping[str, str]) -> str:
    """The token; empty when no file is named. Raises ValueError with one line, which does not tell it."""
    name = environ.get(TOKEN_FILE_VARIABLE)
    if not name:
        return ""
    try:
        token = Path(name).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "expected ASCII"
        raise ValueError(f"{TOKEN_FILE_VARIABLE} {name}: {reason}") from None
    if not is_token(token):
        raise ValueError(f"{TOKEN_FILE_VARIABLE} {name}: expected one line with a token")
    return token
