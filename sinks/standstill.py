"""While tables are exchanged for those of a replay, no sink writes: what stood before in one table and its ledger would
come apart. Whoever exchanges says so in `checkline.replays`, waits until the sinks have left, and says when it is done.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from sinks.clickhouse import ClickHouse

WAIT_SECONDS = 0.5

_LAST = """
SELECT name, argMax(toString(step), noted_at)
FROM checkline.replays
WHERE step IN ('PROMOTING', 'PROMOTED', 'ROLLING_BACK', 'ROLLED_BACK')
GROUP BY name
"""
_EXCHANGING = ("PROMOTING", "ROLLING_BACK")

log = logging.getLogger(__name__)


class TablesExchanged(Exception):
    """The tables are about to be exchanged: the sink ends, and starts again from the other ledger."""


def exchanging(client: ClickHouse) -> str | None:
    """The replay whose tables are being exchanged, if any. Raises `StatementFailed`."""
    return next((name for name, step in client.rows(_LAST) if step in _EXCHANGING), None)


class SameTables:
    """Whether the tables are still those that were there when this was made: one that stood still while they were
    exchanged has positions of another ledger in hand."""

    def __init__(self, client: ClickHouse) -> None:
        self._ledger = _identity(client)

    def require(self, client: ClickHouse) -> None:
        """Raises `TablesExchanged`, `StatementFailed`."""
        if _identity(client) != self._ledger:
            raise TablesExchanged("the tables were exchanged for those of a replay while this sink stood still")


def _identity(client: ClickHouse) -> str:
    query = "SELECT toString(uuid) FROM system.tables WHERE database = %(database)s AND name = 'ledger'"
    return "".join(uuid for (uuid,) in client.rows(query, {"database": client.database}))


async def wait_until_over(asked: Callable[[], Awaitable[str | None]], stop: asyncio.Event) -> None:
    """Returns when no tables are being exchanged any more, or `stop` is set."""
    told = False
    while not stop.is_set() and (name := await asked()) is not None:
        if not told:
            log.warning("waiting: tables are being exchanged for those of replay %s; see checkline replay list", name)
            told = True
        await asyncio.sleep(WAIT_SECONDS)
