"""A dead letter told to whoever must act: what is wrong, what to do, and what can be read of the record."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from infra.dead_letters.event_forms import event_form, key_text, time_text
from infra.dead_letters.judging import Arriving, judge
from infra.dead_letters.letters import Letter
from infra.dead_letters.records import Raw
from schemas import topics
from schemas.codes import Refusal
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.partial import PartialValue, read_value

HEAD_BYTES = 64
NEVER_SHOWN = "not shown: contents of urgent care are for its own readers"

_CORRECT = "correct the event in a file (show --event FILE) and retry it with --with FILE"
WHAT_TO_DO: Mapping[Refusal, str] = MappingProxyType(
    {
        Refusal.NULL_VALUE: "nothing can be brought back from it: have the device send the event again",
        Refusal.TOO_SHORT: "have the device send the event again; mend what cut it off",
        Refusal.FOREIGN_MAGIC: "mend the producer's encoding; write the event to a file and retry with --with FILE",
        Refusal.UNKNOWN_SCHEMA: "upgrade to a release that knows the schema, then retry it as it is",
        Refusal.OTHER_SUBJECT: "mend the producer's topic; " + _CORRECT,
        Refusal.TRUNCATED: "have the device send the event again; or " + _CORRECT,
        Refusal.TRAILING_BYTES: _CORRECT,
        Refusal.UNDECODABLE: _CORRECT,
        Refusal.BAD_KEY: "write the key where it belongs: " + _CORRECT,
        Refusal.WRONG_PARTITION: "mend the producer's partitioner, and retry it as it is: it goes to the right one",
        Refusal.MISSING_FIELD: _CORRECT,
        Refusal.OUT_OF_RANGE: _CORRECT,
        Refusal.OCCURRED_AFTER_SENT: "set the device's clock; " + _CORRECT,
        Refusal.SENT_AFTER_APPENDED: "set the device's clock; " + _CORRECT,
        Refusal.BEYOND_HORIZON: "nothing, it is stored and counted; a policy with a longer horizon lets it be retried",
        Refusal.RULE_ERROR: "report it; it is stored and counted, and can be retried when the rule is mended",
    }
)


class Description(NamedTuple):
    """What can be told of a letter. ``raw`` and ``value`` are None when retention has eaten the bytes; nothing of what
    is ``restricted`` is in them."""

    letter: Letter
    raw: Raw | None
    value: PartialValue | None
    restricted: bool

    @property
    def what_to_do(self) -> str:
        """What brings the event back."""
        return WHAT_TO_DO[self.letter.reason]

    @property
    def event(self) -> dict[str, Any] | None:
        """The event as a line of an event file, as far as it can be read."""
        return event_form(self.value, self.raw.key) if self.value is not None and self.raw is not None else None

    def as_json(self) -> dict[str, Any]:
        """The description as it is printed."""
        letter, raw, value = self.letter, self.raw, self.value
        version = value.version if value else None
        return {
            **letter_as_json(letter),
            "detail": letter.detail,
            "what_to_do": self.what_to_do,
            "schema_id": letter.schema_id,
            "schema": version and {"subject": version.subject, "version": version.version, "guessed": value.guessed}
            if value
            else None,
            "restricted": self.restricted,
            "bytes_found_in": str(raw.found_in) if raw else None,
            "key": key_text(raw.key) if raw else None,
            "size": len(raw.value) if raw and raw.value is not None else None,
            "head": (raw.value or b"")[:HEAD_BYTES].hex(" ") if raw else None,
            "fields": [field._asdict() for field in value.datum.fields] if value else [],
            "unread": [field._asdict() | {"reason": field.reason.name} for field in value.datum.unread]
            if value
            else [],
            "not_reached": value.datum.not_reached if value else [],
            "trailing_from": value.datum.trailing if value else None,
            "event": self.event,
        }


def describe(letter: Letter, raw: Raw | None, partitions: int, limits: Limits) -> Description:
    """What can be told of a letter and its bytes. ``partitions`` is that of the person topics."""
    topic = topics.BY_NAME[letter.position.topic]
    value = read_value(default_registry(), topic.name, raw.value) if raw is not None else None
    restricted = topic.restricted or (value is not None and value.restricted)
    if raw is not None and value is not None and letter.letter is None:
        count = topics.partitions_of(topic, partitions)
        record = Arriving(topic.name, raw.key, raw.value, letter.position.partition, count, raw.appended_at)
        letter = _as_judged(letter, record, limits, None if restricted else value)
    return Description(letter, None, None, True) if restricted else Description(letter, raw, value, False)


def letter_as_json(letter: Letter) -> dict[str, Any]:
    """What a list says of a letter."""
    retry = letter.retry
    return {
        "position": str(letter.position),
        "appended_at": time_text(letter.appended_at),
        "reason": letter.reason.name,
        "field": letter.field,
        "source": letter.source or None,
        "sequence": letter.sequence,
        "owner": letter.owner or None,
        "state": letter.state,
        "retried": retry
        and {
            "at": time_text(retry.at),
            "by": retry.by,
            "to": str(retry.to),
            "corrected": retry.corrected,
        },
    }


def _as_judged(letter: Letter, record: Arriving, limits: Limits, value: PartialValue | None) -> Letter:
    """A letter that nobody wrote: what the sinks only gave a reason for is told by the same checks."""
    objection = judge(record, limits)
    if objection is not None and objection.reason is letter.reason:
        letter = letter._replace(field=objection.field, detail=objection.detail)
    identity = value.identity if value else None
    return letter._replace(source=identity.source, sequence=identity.sequence) if identity else letter
