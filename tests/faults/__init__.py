"""Faults under load: the load keeps records, the fault happens, and an auditor holds the table against them.

| module | what |
|---|---|
| `records` | what the clients saw: pushes, takes, acks, requests |
| `table` | what is stored, read in SQL |
| `audit`: `pushed`, `delivered`, `leases`; `findings` | one held against the other |
| `line`, `producer`, `consumer`, `load` | the clients |
| `serving` | PostgreSQL and servers that a test may kill |
"""
