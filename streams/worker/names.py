"""Names that others need before a worker runs: apps, their tables, their changelogs. Light to import."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from schemas.topics import DEFAULT_PARTITIONS

AppName = Literal["risk", "enforcement", "reports", "urgent-care"]

TABLES: Mapping[AppName, str] = MappingProxyType(
    {"risk": "persons", "enforcement": "cases", "reports": "units", "urgent-care": "needs"}
)


class Changelog(NamedTuple):
    """A topic that must exist, compacted, before a worker of the app starts."""

    name: str
    partitions: int
    compacted: bool = True


def app_id(app_name: AppName, prefix: str = "") -> str:
    """Consumer group of an app, and prefix of its transactional ids."""
    return f"{prefix}checkline-{app_name}"


def changelog_topics(partitions: int = DEFAULT_PARTITIONS, prefix: str = "") -> list[Changelog]:
    """The changelogs of all apps."""
    return [Changelog(f"{app_id(app, prefix)}-{table}-changelog", partitions) for app, table in TABLES.items()]
