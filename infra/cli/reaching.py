"""The home a command works on, and whether what it needs of it answers."""

import logging
from typing import Literal

from infra.cli.output import configure_logging
from infra.embedded.ports import LOOPBACK, is_listened_on
from infra.errors import MissingPart
from infra.home import Home
from infra.settings import Settings, read_settings

Store = Literal["kafka", "clickhouse"]


def home_with(*stores: Store, settings: Settings | None = None) -> Home:
    """The home in effect, with these of its parts answering.

    Raises MissingPart when nothing was ever started there, or one of them does not listen. An address that is
    configured may name several brokers or a gateway: there it is the client that finds out.
    """
    settings = settings or read_settings()
    configure_logging(settings)
    # Here it is only asked; that it got no answer is the command's to say.
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    home = Home.existing(settings)
    for store in stores:
        embedded = settings.kafka.embedded if store == "kafka" else settings.clickhouse.embedded
        if not embedded:
            continue
        # Of several brokers one may be down: any of them tells a client of the others.
        ports = [node.port for node in home.kafka_nodes] if store == "kafka" else [home.port(store)]
        if not any(is_listened_on(LOOPBACK, port) for port in ports):
            raise MissingPart(f"{store} of {home.directory} does not run; start it with checkline up")
    return home
