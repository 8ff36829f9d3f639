"""The ordinary way: a Faust agent a topic, a table, one event at a time. What whole batches are compared with.

It does the job of the risk worker: decode, screen, unite the person's facts, send the timeline when it changed.
Arguments: broker address, data directory, consumer group (its derived topic and changelog must exist).
"""

import sys
from typing import Any

import faust
import msgspec

from schemas import topics
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.rows import RowCodec
from streams.fact_set import encode_fact
from streams.facts import decode_fact, facts_of
from streams.reference import Reference
from streams.risk import timeline

bootstrap, data_directory, group = sys.argv[1:4]

app = faust.App(
    group,
    broker=f"kafka://{bootstrap}",
    datadir=data_directory,
    store="rocksdb://",
    topic_partitions=topics.DEFAULT_PARTITIONS,
    topic_allow_declare=False,
    table_standby_replicas=0,
    stream_recovery_delay=0.0,
    web_enabled=False,
    worker_redirect_stdouts=False,
)
RAW: dict[str, Any] = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
persons = app.Table("persons", partitions=topics.DEFAULT_PARTITIONS)
changes = app.topic(f"{group}-risk-changes", partitions=topics.DEFAULT_PARTITIONS, **RAW)
reference = Reference(Limits())


def matters(topic: str, row: dict[str, Any]) -> bool:
    """The screen, for one row."""
    if topic == topics.CHECK_INS.name:
        return row["health_code"] not in ("GREEN", "NOT_STATED")
    return topic == topics.FOLLOW_UPS.name or row["value_tenths"] >= 373


def declare(topic: str) -> None:
    codec = RowCodec(default_registry(), topic)

    @app.agent(app.topic(topic, **RAW), name=f"fold-{topic}")
    async def fold(stream: Any) -> None:
        async for key, value in stream.items():
            row = codec.decode(value)
            if not matters(topic, row):
                continue
            person = key.decode()
            old = persons.get(person) or []
            members = sorted({*old, *(encode_fact(fact).hex() for fact in facts_of(topic, row))})
            if members == old:
                continue
            persons[person] = members
            before = timeline([decode_fact(bytes.fromhex(member)) for member in old], reference)
            after = timeline([decode_fact(bytes.fromhex(member)) for member in members], reference)
            if after != before:
                await changes.send(key=key, value=msgspec.msgpack.encode(after))


for name in (topic.name for topic in topics.PERSON_TOPICS):
    declare(name)

if __name__ == "__main__":
    sys.argv[1:] = ["worker", "-l", "warn", "--without-web"]
    app.main()
