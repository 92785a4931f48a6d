"""Where a database is, as a value that rooms can pass on."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where a database is and who we are there."""

    host: str
    port: int
    user: str
    name: str
    password: str = field(default="", repr=False)

    def environ(self) -> Mapping[str, str]:
        """The variables that point the queue server at it."""
        return {
            "PG_HOST": self.host,
            "PG_PORT": str(self.port),
            "PG_USER": self.user,
            "PG_PASSWORD": self.password,
            "PG_DB": self.name,
        }
