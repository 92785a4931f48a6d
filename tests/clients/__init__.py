"""The published clients, unchanged, against `queen serve`: PyPI's `queen-mq` 0.15.0 and 2.6.0.

Their module is called `queen` like our package, so each version has an environment of its own
(`environments.py`) and what it does runs as a process. `scripts/` holds what a user of the client would
write: a module for each subject, a coroutine for each play. `test_<subject>.py` checks, a promise a test,
what the client reported of a play, and what the server holds afterwards. A test runs with both versions, or
names the one that has the call.

`make lock` writes `requirements-<version>.lock` anew.
"""
