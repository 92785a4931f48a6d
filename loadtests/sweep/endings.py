"""How the processes of a trial ended: whatever did not end as it should cut requests off.

The server may end on its own during the load, or, told to stop, be unable to finish what it had begun: then
its exit code is not 0. The relay is only stopped when the server has drained, so until then it must live.
"""

import os

from queen.local.process import Child, describe_exit


class Endings:
    """Gathers what is to be said of them, in `remarks`, for the judgement of the trial."""

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self._server_ended_early = False

    def server_before_stop(self, server: Child) -> None:
        """Look at it when the load is over and nobody has told it to stop."""
        if server.returncode is not None:
            self._server_ended_early = True
            self.remarks.append(f"queen serve ended with {describe_exit(server.returncode)}")

    def server_stopped(self, server: Child) -> None:
        """Look at it when it was told to stop and has ended."""
        if server.returncode and not self._server_ended_early:
            self.remarks.append(
                f"queen serve, told to stop, ended with {describe_exit(server.returncode)}: "
                "what it had begun was cut off"
            )

    def relay_before_stop(self, pid: int) -> None:
        """Look whether the relay still runs, now that the server has drained through it."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            self.remarks.append("the relay ended before the server had drained")
