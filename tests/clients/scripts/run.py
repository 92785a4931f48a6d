"""Runs plays with the installed client, and reports them.

A script is a module beside this one, a play a coroutine `play(queen, queue)` in it that returns its report.
Each line on stdin names a script; the answer is a line on stdout with one JSON object: the reports by the
names of the plays. The plays of a script run side by side, each with a client and a queue of its own. One
that needs a call that this version of the client lacks fails like any other.

QUEEN_URL names the server, QUEUE_PREFIX what the names of the queues begin with, QUEEN_TOKEN the bearer
token if there is one.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import traceback

from queen import Queen

PATIENCE_S = 40.0  # for one play


async def reports(subject):
    """What became of the plays of a script."""
    module = importlib.import_module(subject)
    plays = {
        name: member
        for name, member in inspect.getmembers(module, inspect.iscoroutinefunction)
        if member.__module__ == subject and not name.startswith("_")
    }
    done = await asyncio.gather(*(report(play, f"{subject}-{name}") for name, play in plays.items()))
    return dict(zip(plays, done, strict=True))


async def report(play, name):
    """What one play reports, or the traceback of its failure."""
    queue = f"{os.environ['QUEUE_PREFIX']}-{name}"
    try:
        # Keywords: 0.15.0 reads no options beside an address that is given by position.
        async with Queen(url=os.environ["QUEEN_URL"], bearer_token=os.environ.get("QUEEN_TOKEN")) as queen:
            return await asyncio.wait_for(play(queen, queue), PATIENCE_S)
    except Exception:  # noqa: BLE001 - the other plays go on; whoever asks for this one sees why it failed
        return {"traceback": traceback.format_exc()}


def main():
    """Answer the lines of stdin."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the client prints what it does
    for line in sys.stdin:
        print(json.dumps(asyncio.run(reports(line.strip()))), file=answers, flush=True)


main()
