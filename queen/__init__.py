"""Queen: a minimal, exact message queue server over PostgreSQL, built to have its pool tuned."""

__version__ = "0.1.0"
