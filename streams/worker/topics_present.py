"""Before a worker starts: the topics it reads and writes must be there. Faust would pass over a missing one in silence,
and a worker without its changelog would stand ready for ever and do nothing."""

from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


class CannotStart(Exception):
    """Something that the worker needs is not there; the text says what, and what to do."""


async def require_topics(bootstrap: str, wanted: Mapping[str, int]) -> None:
    """``wanted``: topic to its number of partitions. Raises `CannotStart`."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="checkline-worker-start")
    try:
        await client.start()
        described = await client.describe_topics(list(wanted))
    except (KafkaError, OSError) as error:
        raise CannotStart(f"no answer from Kafka at {bootstrap}: {error!r}: is it running?") from error
    finally:
        await client.close()
    found = {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}
    problems = [f"{name} is missing" for name in wanted if name not in found]
    problems += [
        f"{name} has {found[name]} partitions, not {partitions}"
        for name, partitions in wanted.items()
        if name in found and found[name] != partitions
    ]
    if problems:
        raise CannotStart(f"Kafka at {bootstrap}: {'; '.join(problems)}: create the topics of this installation first")
