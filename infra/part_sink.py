"""The sink process, and the migrations that must have run before it."""

import asyncio
import signal

from infra.column_store import writer_address
from infra.embedded.readiness import announce_ready
from infra.home import Home
from schemas.policy import default_policy
from sinks import migrations, service
from sinks.clickhouse import ClickHouse
from streams.worker import log_limits


def migrate(home: Home) -> None:
    """Bring the tables to the newest migration. Raises `sinks.migrations.MigrationAltered`."""
    with ClickHouse(writer_address(home), "checkline-migrations") as client:
        migrations.migrate(client)


def run(home: Home, number: str = "1") -> None:
    """Write the log into ClickHouse until SIGTERM, as sink ``number`` of this home.

    Raises whatever makes it impossible to go on.
    """
    asyncio.run(_run(home, number))


async def _run(home: Home, number: str) -> None:
    log_limits.set_up()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    settings = service.SinkSettings(
        bootstrap=home.kafka_bootstrap,
        clickhouse=writer_address(home),
        instance=f"sink-{number}",
        partitions=home.settings.partitions,
        limits=default_policy().arrival.limits,
    )
    await service.run(settings, stop, announce_ready)
