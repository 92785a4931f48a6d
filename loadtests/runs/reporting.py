"""Has `queen report` tell what a run found, in a process of its own: this package does not know the other."""

import asyncio
import sys

from loadtests.results import RunFiles

REPORT = (sys.executable, "-m", "queen", "report")


async def report(run: RunFiles, *options: str) -> bool:
    """Let it print the finding on our stdout; False when it failed. `options` are those of `queen report`."""
    process = await asyncio.create_subprocess_exec(*REPORT, str(run.root), *options, start_new_session=True)
    try:
        returncode = await process.wait()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if returncode != 0:
        print(f"queen: no report (exit code {returncode}); the results are in {run.root}", file=sys.stderr)
    return returncode == 0
