"""Numbered migrations: what stands in `sinks/ddl`, run once each, in order, and never changed after they landed.

A file is a template, so that one text serves two targets. `@OnCluster`, `@Local` and the engines `@Plain`,
`@Replacing` stand where the targets differ. On one node they are plain engines. On a cluster every table `t` becomes a
replicated `t_local` on each node and a distributed `t` over them, sharded by the Kafka partition (so by the Kafka key)
where a row has one. A statement that ran is harmless when it runs again, so a migration that failed half way is
simply run again.
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from sinks.clickhouse import ClickHouse

DIRECTORY = Path(__file__).parent / "ddl"
_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_COMMENT = re.compile(r"^\s*--[^\n]*\n", re.M)
_ENGINE = re.compile(r"@(Plain|Replacing)\(([^)]*)\)")
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (?P<table>[\w.]+) @OnCluster")
_ENGINES = {"Plain": "MergeTree", "Replacing": "ReplacingMergeTree"}


class MigrationAltered(Exception):
    """A migration that landed is not the file of this release, or is not there."""


class Migration(NamedTuple):
    """One file: its number, name and text; ``sha256`` is that of the text."""

    number: int
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


class Cluster(NamedTuple):
    """A ClickHouse cluster by its name in the servers' configuration, whose macros are `{shard}` and `{replica}`."""

    name: str


def migrations(directory: Path = DIRECTORY) -> list[Migration]:
    """All migrations in order. Raises ValueError where a name is wrong or a number is missing or taken twice."""
    found = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path.name}: a migration is named like 0001_event_tables.sql")
        found.append(Migration(int(match["number"]), match["name"], path.read_text(encoding="utf-8")))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations in {directory.name} must be numbered 1, 2, 3, ... without gaps")
    return found


def statements(text: str, cluster: Cluster | None = None) -> list[str]:
    """Statements of a migration for one node, or for a cluster."""
    parts = [part.strip() for part in _COMMENT.sub("", text).split(";\n")]
    return [done for part in parts if part for done in _for_target(part.rstrip(";"), cluster)]


def _for_target(statement: str, cluster: Cluster | None) -> list[str]:
    if cluster is None:
        single = _ENGINE.sub(lambda engine: f"{_ENGINES[engine[1]]}({engine[2]})", statement)
        return [single.replace(" @OnCluster", "").replace("@Local", "")]
    on_cluster = f"ON CLUSTER `{cluster.name}`"
    table = _TABLE.match(statement)
    if table is None:
        return [statement.replace("@OnCluster", on_cluster).replace("@Local", "_local")]
    database, name = table["table"].split(".")
    shard = "partition" if re.search(r"^    partition U?Int", statement, re.M) else "rand()"
    local = _ENGINE.sub(_replicated, statement.replace(f"{database}.{name}", f"{database}.{name}_local", 1))
    distributed = (
        f"CREATE TABLE IF NOT EXISTS {database}.{name} {on_cluster} AS {database}.{name}_local\n"
        f"ENGINE = Distributed('{cluster.name}', '{database}', '{name}_local', {shard})"
    )
    return [local.replace("@OnCluster", on_cluster), distributed]


def _replicated(engine: re.Match[str]) -> str:
    arguments = ["'/clickhouse/tables/{shard}/{database}/{table}'", "'{replica}'", *filter(None, [engine[2]])]
    return f"Replicated{_ENGINES[engine[1]]}({', '.join(arguments)})"


_OWN_TABLE = """CREATE DATABASE IF NOT EXISTS checkline @OnCluster;

CREATE TABLE IF NOT EXISTS checkline.migrations @OnCluster
(
    number UInt32,
    name String,
    sha256 String,
    landed_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = @Replacing()
ORDER BY number;
"""


def migrate(
    client: ClickHouse, cluster: Cluster | None = None, directory: Path = DIRECTORY, up_to: int | None = None
) -> list[Migration]:
    """Run the migrations that have not landed yet, up to a number (None: all); returns those.

    Raises `MigrationAltered` before anything is run, and `StatementFailed`.
    """
    wanted = migrations(directory)
    for statement in statements(_OWN_TABLE, cluster):
        client.execute(statement)
    landed = dict(client.rows("SELECT number, sha256 FROM checkline.migrations"))
    _check(wanted, landed)
    new = [one for one in wanted if one.number not in landed and (up_to is None or one.number <= up_to)]
    for migration in new:
        for statement in statements(migration.text, cluster):
            client.execute(statement)
        client.execute(
            "INSERT INTO checkline.migrations (number, name, sha256) SELECT %(number)s, %(name)s, %(sha256)s",
            {"number": migration.number, "name": migration.name, "sha256": migration.sha256},
        )
    return new


def _check(wanted: list[Migration], landed: dict[int, str]) -> None:
    by_number = {migration.number: migration for migration in wanted}
    for number, sha256 in sorted(landed.items()):
        migration = by_number.get(number)
        if migration is None:
            raise MigrationAltered(f"migration {number} has landed but is not in this release: run a newer release")
        if migration.sha256 != sha256:
            raise MigrationAltered(
                f"{number:04}_{migration.name}.sql was changed after it landed: restore it and write a new migration"
            )
