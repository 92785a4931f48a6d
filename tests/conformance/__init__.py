"""The contract, promise by promise, over HTTP against `queen serve` as a process.

Nothing in here knows the server's inside. Every test names the routes whose promise it checks
(`@covers("POST /api/v1/push")`), and `docs/contract.md` is made from those names: `python -m
tests.conformance.document`.
"""
