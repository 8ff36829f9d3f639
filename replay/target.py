"""What a replay writes to: tables, topics and transactional ids of its own, by its name."""

import re
from typing import NamedTuple

from sinks.clickhouse import OWN_DATABASE

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class BadName(ValueError):
    """A replay cannot be named so."""


class Target(NamedTuple):
    """Names of everything that a replay makes."""

    name: str

    @classmethod
    def named(cls, name: str) -> "Target":
        """Raises `BadName`."""
        if not _NAME.fullmatch(name) or name.endswith("restricted"):
            raise BadName(f"{name!r} cannot be the name of a replay: small letters, digits and _, at most 40")
        return cls(name)

    @property
    def database(self) -> str:
        """In place of `checkline`; the restricted tables stand in `<database>_restricted`."""
        return f"{OWN_DATABASE}_replay_{self.name}"

    @property
    def databases(self) -> tuple[str, str]:
        return self.database, f"{self.database}_restricted"

    @property
    def topic_prefix(self) -> str:
        """Before the names of the derived topics."""
        return f"replay.{self.name}."

    @property
    def transactional_id(self) -> str:
        """Beginning of the transactional ids, one a partition."""
        return f"replay.{self.name}"
