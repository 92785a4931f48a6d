"""The database that a server should use: one that runs already, or one that is started for the while.

Beside a running server we speak to a database only to see that it answers.
"""

from dataclasses import dataclass

from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where a database is and who we are there."""

    host: str
    port: int
    user: str
    name: str
    password: str = ""

    def environ(self) -> Mapping[str, str]:
        """The variables that point the server at it."""
        return {
            "PG_HOST": self.host,
            "PG_PORT": str(self.port),
            "PG_USER": self.user,
            "PG_PASSWORD": self.password,
            "PG_DB": self.name,
        }
