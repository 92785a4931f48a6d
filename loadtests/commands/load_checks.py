"""What is found wrong before anything is started: a database, a server and a page take seconds to come up."""

import errno
import socket
import subprocess
import sys
from collections.abc import Mapping

from loadtests.commands.load_request import LoadRequest
from loadtests.commands.load_target import read_settings
from loadtests.commands.locust_command import locust_words
from loadtests.load.bounds import is_token
from loadtests.sweep.load_process import locust_environ
from queen.errors import SettingsError, UserError

DRY_RUN = (sys.executable, "-m", "loadtests.load.dry_run")
DRY_RUN_DEADLINE_S = 60.0  # importing Locust takes a second, on a busy machine several
UNKNOWN_URL = "http://queen.invalid:6632"  # of a server that will be started
UNKNOWN_PORT = 1


def check(request: LoadRequest, environ: Mapping[str, str]) -> float | None:
    """Refuse what cannot come to anything; seconds that the load will last, None when nobody knows.

    Raises `SettingsError` and `UserError`, each one line.
    """
    if request.host is None:
        token = read_settings(request.server, environ).queen_token
        if token and not is_token(token):
            raise SettingsError("QUEEN_TOKEN: expected ASCII without spaces, for it stands in a header")
    if not request.headless:
        if not request.web_host:  # to Locust it is every address
            raise SettingsError("--web-host: expected an address, or '*' for all of them")
        free_port(request)
    return _try_words(request, environ)


def free_port(request: LoadRequest) -> int:
    """The port that the page is to have, if it is free; any free one for 0.

    Raises `SettingsError` for an address that is not of this machine, `UserError` when it is taken.
    """
    wanted = request.web_port
    try:
        family, _, _, _, address = socket.getaddrinfo(
            request.web_address, wanted, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            port: int = probe.getsockname()[1]
    except (OSError, UnicodeError) as error:  # UnicodeError: of a name that is too long
        reason = (error.strerror if isinstance(error, OSError) else None) or "no address"
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise UserError(f"--web-port {wanted}: {reason}") from None
        raise SettingsError(f"--web-host {request.web_host[:60]!r} with port {wanted}: {reason}") from None
    return port


def _try_words(request: LoadRequest, environ: Mapping[str, str]) -> float | None:
    """Have Locust's parser and the rules of the load read everything, in a process that starts nothing."""
    words = locust_words(request, request.host or UNKNOWN_URL, request.web_port or UNKNOWN_PORT)
    command = (*DRY_RUN, request.shape, str(len(words)), *words, *request.handed_on)
    try:
        ended = subprocess.run(
            command,
            env=locust_environ(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=DRY_RUN_DEADLINE_S,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UserError(f"Locust cannot be asked about its options: {error}") from None
    if ended.returncode:
        lines = (ended.stdout + ended.stderr).strip().splitlines() or ["no reason"]
        raise SettingsError(lines[0] if ended.stdout.strip() else lines[-1])
    said = ended.stdout.strip()
    return float(said) if said else None
