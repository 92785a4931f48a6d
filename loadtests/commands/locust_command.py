"""The command line of the Locust process that carries out a `queen load`."""

import socket
import sys
from pathlib import Path

from loadtests.commands.load_request import LoadRequest
from loadtests.commands.load_target import LOOPBACK

LOCUSTFILES = Path(__file__).parent.parent / "locustfiles"


def locust_command(request: LoadRequest, url: str, web_port: int) -> tuple[str, ...]:
    """Locust under the load that is asked for, on the server at `url`.

    What is handed on stands last, so that it wins.
    """
    options = {
        "--host": url,
        "--users": str(request.users),
        "--spawn-rate": str(request.users),
        "--loop": request.loop,
        "--rate": str(request.rate_msg_s or 0.0),
        "--results-dir": request.results_dir,
        **({} if request.consumers is None else {"--consumers": str(request.consumers)}),
        **({"--run-time": request.run_time} if request.run_time else {}),
    }
    locustfile = str(LOCUSTFILES / f"{request.shape}.py")
    words = [word for option in options.items() for word in option]
    ours = (*words, *_page_options(request, web_port), *_process_options(request))
    return (sys.executable, "-m", "locust", "-f", locustfile, *ours, *request.handed_on)


def _page_options(request: LoadRequest, web_port: int) -> tuple[str, ...]:
    if request.headless:
        return ("--headless", "--only-summary")
    return ("--web-host", request.web_host, "--web-port", str(web_port))


def _process_options(request: LoadRequest) -> tuple[str, ...]:
    """Several processes meet at a port of this machine alone: Locust lets in whoever comes there."""
    if request.processes == 1:
        return ()
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = str(probe.getsockname()[1])
    meeting = ("--master-bind-host", LOOPBACK, "--master-bind-port", port, "--master-port", port)
    return ("--processes", str(request.processes), *meeting)
