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
    return (sys.executable, "-m", "locust", *locust_words(request, url, web_port), *request.handed_on)


def locust_words(request: LoadRequest, url: str, web_port: int) -> tuple[str, ...]:
    """What is not handed on."""
    options = {
        "--host": url,
        "--users": str(request.users),
        "--spawn-rate": str(request.users),
    }
    asked = {
        "--loop": request.loop,
        "--rate": request.rate_msg_s,
        "--results-dir": request.results_dir,
        "--consumers": request.consumers,
        "--run-time": request.run_time,
    }
    options |= {name: str(value) for name, value in asked.items() if value is not None}
    locustfile = str(LOCUSTFILES / f"{request.shape}.py")
    words = [word for option in options.items() for word in option]
    return ("-f", locustfile, *words, *_page_options(request, web_port), *_process_options(request))


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
