"""Runs the plays of a subject with the installed client: `python run.py push`.

A play is a coroutine `play(queen, queue)` that returns its report. They run side by side, each with a client
and a queue of its own. QUEEN_URL names the server, QUEUE_PREFIX what the names of the queues begin with,
QUEEN_TOKEN the bearer token if there is one. The last line on stdout is one JSON object: the reports by the
names of the plays.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import traceback

from queen import Queen


async def main(subject):
    module = importlib.import_module(subject)
    plays = {
        name: member
        for name, member in inspect.getmembers(module, inspect.iscoroutinefunction)
        if member.__module__ == subject and not name.startswith("_")
    }
    reports = await asyncio.gather(*(report(name, play) for name, play in plays.items()))
    print(json.dumps(dict(zip(plays, reports, strict=True))))


async def report(name, play):
    queue = f"{os.environ['QUEUE_PREFIX']}-{name}"
    try:
        # Keywords: 0.15.0 reads no options beside an address that is given by position.
        async with Queen(url=os.environ["QUEEN_URL"], bearer_token=os.environ.get("QUEEN_TOKEN")) as queen:
            return await play(queen, queue)
    except Exception:  # noqa: BLE001 - the other plays go on; whoever asks for this one sees why it failed
        return {"traceback": traceback.format_exc()}


asyncio.run(main(*sys.argv[1:]))
