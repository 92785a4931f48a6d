"""Locust patches the process that imports it; this process belongs to asyncio as well, so it must not.

Locust's children of a test get no `LOCUST_…` variable and are patched as always.
"""

import os

os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
