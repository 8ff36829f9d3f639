"""Connections to the column store of a home."""

from clickhouse_driver import Client

from infra.home import Home, User
from sinks.clickhouse import Address


def reader_address(home: Home) -> Address:
    """Where analysts ask, as the user that cannot write."""
    return _address(home, home.clickhouse.reader)


def writer_address(home: Home) -> Address:
    """Where the sinks write, as the user that may."""
    return _address(home, home.clickhouse.writer)


def _address(home: Home, user: User) -> Address:
    found = home.clickhouse
    return Address(found.host, found.port, user.name, user.password, found.secure)


def reader_client(home: Home) -> Client:
    """A plain client of the reader."""
    return Client(**home.clickhouse.client_options(home.clickhouse.reader))
