"""Publishing refused records again: what is to be published, what speaks against it, and the account of it.

A retry is two records. The first is the event itself, which says in its headers where it was refused and who
publishes it again. The second goes to the dead letters' topic, under the key of the dead letter, and says where the
first one lies. Dying between the two leaves a retry of which only the log knows; trying again completes the account,
and the event is the same one. There is no transaction around them: its markers would carry the broker's own time into
the topics that an event clock is told by.
"""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.dead_letters.judging import Arriving, judge
from infra.dead_letters.letters import NOT_FOLDED, Letter, Retry
from infra.dead_letters.positions import Position
from infra.dead_letters.records import Raw
from infra.edge.publisher import PublishFailed, row_codec
from infra.errors import kafka_is_silent
from schemas import topics
from schemas.codes import Refusal
from schemas.events import Event
from schemas.identities import EventId, content_hash, is_token
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.partial import PartialValue, read_value
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec, UndecodableValue

HEADER_OF, HEADER_BY = "checkline-retry-of", "checkline-retry-by"
REQUEST_BYTES = 16 * 1024 * 1024
ACKNOWLEDGED_SECONDS = 60.0


class Surroundings(NamedTuple):
    """What a plan depends on besides the record: the number of partitions of the person topics, the limits in effect,
    whether records keep the time of their first arrival (event-clock homes), and the time now (UTC, ms)."""

    partitions: int
    limits: Limits
    keeps_append_time: bool
    now: int


class Candidate(NamedTuple):
    """What would be published. ``identity`` and ``content`` where the value can be decoded."""

    letter: Letter
    topic: str
    key: bytes | None
    value: bytes | None
    partition: int
    appended_at: int
    corrected: bool
    identity: EventId | None
    content: bytes | None


class Refused(NamedTuple):
    """Why a letter is not retried; ``may_force``: whether a person may overrule that."""

    text: str
    may_force: bool = False


class AlreadyStored(NamedTuple):
    """The event is stored with the same content: publishing it once more would change nothing."""

    identity: EventId


Decision = Refused | AlreadyStored | None
"""What speaks against publishing a candidate; None: nothing."""


def candidate(letter: Letter, raw: Raw | None, corrected: Event | None, around: Surroundings) -> Candidate | Refused:
    """The record that a retry would publish: the original bytes, or the corrected event."""
    if corrected is None:
        if raw is None:
            return Refused(
                "neither the log nor the dead letters hold its bytes any more: write the event to a file and retry "
                "with --with FILE"
            )
        topic, key, value = letter.position.topic, raw.key, raw.value
    else:
        topic, key, row = corrected.record()
        value = row_codec(topic).encode(row)
        if refused := _misplaced(letter, raw, topic):
            return refused
    count = topics.partitions_of(topics.BY_NAME[topic], around.partitions)
    same = raw is not None and (key, value) == (raw.key, raw.value)
    found = Candidate(
        letter,
        topic,
        key,
        value,
        letter.position.partition if key is None else partition_of_key(key, count),
        letter.appended_at if around.keeps_append_time else around.now,
        corrected is not None and not same,
        None,
        None,
    )
    try:
        decoded = row_codec(topic).decode(value)
        text = (key or b"").decode()
    except (UndecodableValue, UnicodeDecodeError):
        return found
    identity = EventId(decoded["source"], decoded["sequence"])
    names = [shape.name for shape in row_codec(topic).latest.shapes]
    return found._replace(identity=identity, content=content_hash(text, decoded, names))


def object_to(
    found: Candidate, raw: Raw | None, around: Surroundings, stored: set[bytes], *, force: bool = False
) -> Decision:
    """What speaks against publishing a candidate. ``stored``: content hashes of what its identity has stored."""
    letter = found.letter
    original = read_value(default_registry(), letter.position.topic, raw.value) if raw is not None else None
    if original is not None and original.datum.row.get("kind") == "TIME_MARK":
        return Refused("it is a time mark, not an event: whoever sends marks sends the next one")
    if found.corrected and (refused := _another_event(found, original)):
        return refused
    if found.corrected and not force and (refused := _another_subject(found, raw)):
        return refused
    if force:
        return None
    count = topics.partitions_of(topics.BY_NAME[found.topic], around.partitions)
    objection = judge(
        Arriving(found.topic, found.key, found.value, found.partition, count, found.appended_at), around.limits
    )
    if objection is not None:
        again = "as it is" if not found.corrected else "even as corrected"
        return Refused(f"{again} it would become a dead letter again: {objection}", may_force=True)
    assert found.identity is not None  # what can be judged has one
    if stored - {found.content}:
        return Refused(
            f"another content is stored under its identity{_of(found)}: publishing it would be a conflict, which marks "
            "the device as broken. Publish a correction of that event instead",
            may_force=True,
        )
    if stored and letter.reason not in NOT_FOLDED:
        return AlreadyStored(found.identity)
    return None


def _misplaced(letter: Letter, raw: Raw | None, topic: str) -> Refused | None:
    """A record goes to the topic where it was refused; one of another topic's schema may go to that."""
    meant = {letter.position.topic}
    if letter.reason is Refusal.OTHER_SUBJECT and raw is not None:
        original = read_value(default_registry(), letter.position.topic, raw.value)
        meant |= {original.version.subject} if original.version else set()
    if topic in meant:
        return None
    return Refused(f"topic: the corrected event is of {topic}, the refused record of {letter.position.topic}")


def _another_event(found: Candidate, original: PartialValue | None) -> Refused | None:
    letter, identity = found.letter, found.identity
    assert identity is not None  # a corrected event is encoded here
    source = original.source if original else letter.source or None
    sequence = original.sequence if original else letter.sequence
    differs = {
        name: (was, now)
        for name, was, now in (("source", source, identity.source), ("sequence", sequence, identity.sequence))
        if was is not None and was != now
    }
    if not differs:
        return None
    told = ", ".join(
        name if _restricted(found, original) else f"{name}: {was!r} was refused, {now!r} is in the file"
        for name, (was, now) in differs.items()
    )
    return Refused(f"a retried event is not a new event, and its identity differs ({told}): keep source and sequence")


def _another_subject(found: Candidate, raw: Raw | None) -> Refused | None:
    """The key names the subject; only one that cannot be a key may be replaced without a word."""
    if raw is None or raw.key is None or raw.key == found.key or found.letter.reason is Refusal.BAD_KEY:
        return None
    was, now = raw.key.decode(errors="replace"), (found.key or b"").decode(errors="replace")
    if "token" in topics.BY_NAME[found.topic].key and not is_token(was):
        return None
    told = "" if topics.BY_NAME[found.topic].restricted else f": {was} was refused, {now} is in the file"
    return Refused(f"key: the corrected event is of another subject{told}", may_force=True)


def _restricted(found: Candidate, original: PartialValue | None) -> bool:
    return topics.BY_NAME[found.letter.position.topic].restricted or (original is not None and original.restricted)


def _of(found: Candidate) -> str:
    return "" if topics.BY_NAME[found.topic].restricted else f" {found.identity}"


class Retrier:
    """Publishes candidates and keeps the account; a context manager. Raises MissingPart when no broker answers."""

    def __init__(self, bootstrap: str, client_options: Mapping[str, Any], *, keeps_append_time: bool) -> None:
        self._keeps_append_time = keeps_append_time
        self._letters = RowCodec(default_registry(), topics.DEAD_LETTERS.name)
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=bootstrap.split(","),
                client_id="checkline-dead-letters",
                enable_idempotence=True,
                acks="all",
                max_request_size=REQUEST_BYTES,
                compression_type="lz4",  # what came compressed may be over the broker's limit as it is
                metrics_enabled=False,
                **client_options,
            )
        except KafkaError as error:
            raise kafka_is_silent(bootstrap, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._producer.close(timeout=ACKNOWLEDGED_SECONDS if error is None else 1)

    def publish(self, found: Candidate, by: str) -> Retry:
        """Publish a candidate and write down that it was; both are acknowledged then. Raises PublishFailed."""
        letter = found.letter
        headers = [(HEADER_OF, str(letter.position).encode()), (HEADER_BY, by.encode())]
        # Where the broker's own time counts, what a producer says of it is not looked at.
        appended_at = found.appended_at if self._keeps_append_time else None
        offset = self._send(found.topic, found.partition, found.key, found.value, appended_at, headers)
        retry = Retry(time.time_ns() // 1_000_000, by, Position(found.topic, found.partition, offset), found.corrected)
        # A time of the log: in an event-clock home the newest arrival is what now means.
        partition = letter.letter[0] if letter.letter else letter.position.partition
        self._send(
            topics.DEAD_LETTERS.name,
            partition,
            str(letter.position).encode(),
            self._account(letter, retry),
            appended_at,
        )
        return retry

    def _account(self, letter: Letter, retry: Retry) -> bytes:
        return self._letters.encode(
            {
                **letter.position._asdict(),
                "appended_at": letter.appended_at,
                "reason": letter.reason.value,
                "field": letter.field,
                "detail": letter.detail,
                "schema_id": letter.schema_id,
                "owner": letter.owner,
                "retried_at": retry.at,
                "retried_by": retry.by,
                "retried_topic": retry.to.topic,
                "retried_partition": retry.to.partition,
                "retried_offset": retry.to.offset,
                "corrected": retry.corrected,
            }
        )

    def _send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        appended_at: int | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> int:
        """The offset that the record got."""
        try:
            future = self._producer.send(
                topic, value, key, headers=headers or [], partition=partition, timestamp_ms=appended_at
            )
            return int(future.get(timeout=ACKNOWLEDGED_SECONDS).offset)
        except (KafkaError, ValueError, AssertionError) as error:
            raise PublishFailed(
                f"topic {topic}, key {(key or b'').decode(errors='replace')}: not acknowledged: "
                f"{type(error).__name__}: {error}; retry it again, a repeated event does no harm"
            ) from error
