"""What `queen load` is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What the command line asks for."""

    shape: str
    users: int
    rate_msg_s: float | None  # None, here and below: what the environment or the scenario says
    loop: Literal["open", "closed"] | None
    consumers: float | None  # share of the users
    headless: bool
    run_time: str | None  # as Locust reads it
    host: str | None  # None: start a server
    web_port: int  # 0: any free one
    web_host: str = "127.0.0.1"  # address that the page listens on; "*": every one
    results_dir: str | None
    server: Mapping[str, str]  # settings of the server that is started
    processes: int = 1  # Locust's, that share the load
    handed_on: tuple[str, ...] = ()  # further options, for Locust

    @property
    def web_address(self) -> str:
        """Where the page can be reached from this machine."""
        return "127.0.0.1" if self.web_host == "*" else self.web_host
