"""The users of an external ClickHouse: the file every container gets, held against what Checkline asks of a server."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import pytest
from clickhouse_driver import Client

from infra.home import RESTRICTED_DATABASES
from infra.settings import PREFIX, ClickHouseSettings
from sinks.migrations import migrations
from tests.containers.stores import USERS
from tests.support.cluster import ClickHouseServer

ROOT = ElementTree.parse(USERS).getroot()


def _grants(user: str) -> list[str]:
    return [grant.text or "" for grant in ROOT.findall(f"users/{user}/grants/query")]


@pytest.fixture
def engine(clickhouse_server: ClickHouseServer) -> Iterator[Client]:
    with Client(
        clickhouse_server.host,
        port=clickhouse_server.port,
        user="writer",
        password=clickhouse_server.writer_password,
    ) as client:
        yield client


def test_users_and_the_variables_of_their_passwords_are_those_of_the_settings() -> None:
    settings = ClickHouseSettings()
    for user, name in (("writer", settings.writer), ("reader", settings.reader)):
        (password,) = ROOT.findall(f"users/{name}/password")
        assert password.attrib == {"from_env": f"{PREFIX}CLICKHOUSE_{user.upper()}_PASSWORD"}
        assert password.text is None


def test_profiles_that_users_name_are_there_and_the_readers_is_readonly() -> None:
    for user in ("writer", "reader"):
        assert ROOT.find(f"profiles/{ROOT.findtext(f'users/{user}/profile')}") is not None
    assert ROOT.findtext("profiles/checkline_reader/readonly") == "2"


def test_the_writer_has_every_database_of_the_migrations_and_the_reader_not_the_restricted_one() -> None:
    made = {name for one in migrations() for name in re.findall(r"CREATE DATABASE IF NOT EXISTS (\w+)", one.text)}
    assert RESTRICTED_DATABASES[0] in made
    assert {f"GRANT ALL ON {name}.*" for name in made} <= set(_grants("writer"))
    assert not any(RESTRICTED_DATABASES[0] in grant for grant in _grants("reader"))
    assert [grant for grant in _grants("reader") if not grant.startswith(("GRANT SELECT ", "GRANT SHOW "))] == []


def test_grants_are_such_as_the_engine_can_read(engine: Client) -> None:
    for grant in [*_grants("writer"), *_grants("reader")]:
        # In the file a grant has no grantee: it is the user it stands under.
        assert engine.execute("SELECT formatQuery(%(grant)s)", {"grant": f"{grant} TO someone"})
