"""One installation that was fed with a small campaign, for all tests that only ask it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.campaigning import account_file
from infra.column_store import reader_address
from infra.embedded.catch_up import wait_until_caught_up
from infra.home import Home
from infra.settings import read_settings
from sinks.clickhouse import Address, ClickHouse
from sinks.migrations import migrate
from tests.support.cluster import ClickHouseServer
from tests.support.pipeline import publish
from tests.unit.replay.small_campaign import NAME, small

CALL_SECONDS = 120.0


@pytest.fixture(scope="module")
def address(clickhouse_server: ClickHouseServer) -> Address:
    """The session's column store, as its writer."""
    return Address(clickhouse_server.host, clickhouse_server.port, "writer", clickhouse_server.writer_password)


@pytest.fixture(scope="module")
def migrated(address: Address) -> Iterator[ClickHouse]:
    """A connection to the column store, whose databases were made anew."""
    with ClickHouse(address) as connection:
        drop_databases(connection)
        migrate(connection)
        yield connection


def drop_databases(client: ClickHouse) -> None:
    for database in ("checkline", "checkline_restricted"):
        client.execute(f"DROP DATABASE IF EXISTS {database}")


class FedHome(NamedTuple):
    """A running event-clock home that `checkline up --detach` started."""

    home: Home

    def call(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Call `checkline` on it."""
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", *arguments],
            cwd=self.home.directory.parent,
            env={**os.environ, "CHECKLINE_HOME": str(self.home.directory)},
            capture_output=True,
            text=True,
            timeout=CALL_SECONDS,
            check=False,
        )

    def catch_up(self) -> None:
        """Returns when everything published is folded, written and counted."""
        with ClickHouse(reader_address(self.home), "test") as client:
            wait_until_caught_up(self.home, client, lambda: None, lambda _: None)


@pytest.fixture(scope="session")
def fed_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FedHome]:
    """The home with the small campaign in it. Tests may publish more; figures of the campaign stay as they are."""
    directory: Path = tmp_path_factory.mktemp("fed") / "home"
    home = Home.open(read_settings(home=directory, clock="event"))
    fed = FedHome(home)
    try:
        started = fed.call("up", "--detach")
        assert started.returncode == 0, started.stderr
        publish(home, small().emissions)
        account = account_file(home, NAME)
        account.parent.mkdir()
        account.write_text(small().manifest.to_json(), encoding="utf-8")
        fed.catch_up()
        yield fed
    finally:
        stopped = fed.call("down")
        assert stopped.returncode == 0, stopped.stderr
