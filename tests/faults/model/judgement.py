"""Which records of the log can be used, and why the others cannot: from the record alone.

A record is refused for the first reason that holds, in the order of ``codes.Refusal``. Readings chosen where the
design is silent:

- a value of less than five bytes is ``TOO_SHORT``, whatever its first byte;
- the reason of a datum that cannot be read is the first thing wrong with it in reading order;
- the lists of fields that each kind must state are those of the models in ``schemas/events.py`` that have no default;
  ``NOT_STATED`` does not state anything;
- skew, horizon and lateness are those of the shipped policy: the stream changes other settings only;
- every other time that an event states (of receipt, of a deadline, of a period) lies between 1970 and 2106: absurd
  times never reach an event table;
- what is too old is refused by the risk side alone (person topics) and stands in the event tables.
"""

import re
from typing import Any, NamedTuple

from xxhash import xxh3_128_digest

from schemas.topics import BY_NAME, INPUT_TOPICS, PERSON_TOPICS
from tests.faults.model.avro import Unreadable, newest, read_datum, registered
from tests.faults.published import Published

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SKEW, HORIZON, LATENESS = 5 * MINUTE, 30 * DAY, 30 * DAY

TOKEN = re.compile(r"[pvs][0-9]{2}[a-z2-7]{24}\Z")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")

PERSONAL = {topic.name for topic in PERSON_TOPICS}
FIELDS = {topic.name: newest(topic.name) for topic in INPUT_TOPICS}
SCHEMAS = registered()
DEFAULTS = {
    topic: {field["name"]: field["default"] for field in fields if "default" in field}
    for topic, fields in FIELDS.items()
}
"""What a record of an older version says in fields that it does not know."""

MUST_STATE = {
    "check-ins": {
        "PASSAGE": ["site", "site_kind", "direction", "subject_kind"],
        "DECLARATION": ["subject_kind", "expected_arrival_at"],
        "DECISION": ["decision", "decided_by_role"],
    },
    "temperatures": {"READING": ["value_tenths", "method"]},
    "follow-ups": {
        "LEAD_OPENED": ["lead_id", "lead_source", "push_mode", "home_province", "received_at"],
        "LEAD_DISPATCHED": ["lead_id", "unit"],
        "LEAD_LOCATED": ["lead_id"],
        "LEAD_VERIFIED": ["lead_id", "method"],
        "LEAD_REPORTED_BACK": ["lead_id"],
        "LEAD_REROUTED": ["lead_id", "unit"],
        "LEAD_RETURNED": ["lead_id", "reason"],
        "LEAD_CLOSED": ["lead_id", "reason"],
        "ATTEMPT": ["method", "outcome"],
        "QUARANTINE_STARTED": ["task", "place"],
        "QUARANTINE_ENDED": ["task"],
        "TEST_DUE": ["task", "due_at"],
        "TEST_TAKEN": ["task"],
        "TEST_RESULT": ["task", "result"],
        "TRANSFER_STARTED": ["task"],
        "TRANSFER_ACCEPTED": ["task", "unit"],
        "ABSENCE": ["unit"],
        "LEAVE": ["reason", "due_at"],
        "FOLLOW_UP_STARTED": ["task", "programme"],
        "FOLLOW_UP_ENDED": ["task"],
        "LEAVE_DECIDED": ["task", "approved", "decided_by_role"],
        "LEAVE_ENDED": ["task"],
        "ABSCONDED": ["task"],
        "FOUND": ["task"],
        "DECISION": ["decision", "decided_by_role"],
        "APPEAL": ["reason", "task"],
        "APPEAL_ANSWERED": ["task", "upheld"],
        "CORRECTION": ["corrects_source", "corrects_sequence", "reason"],
    },
    "enforcement": {
        "CASE_REGISTERED": ["category", "unit"],
        "DISPOSITION": ["disposition", "party"],
        "TIP": ["unit"],
        "SUPERVISORY_NOTICE": ["unit", "reason"],
        "FINDING": ["unit", "solved_on_site"],
        "RECTIFIED": ["unit"],
        "EDUCATION": ["unit", "conduct"],
        "WITHDRAWAL": ["reason"],
    },
    "reports": {
        "INDICATOR": ["indicator", "unit_of_count", "value", "nature"],
        "ZERO_REPORT": ["indicator", "period_until"],
        "MATTER_OPENED": ["matter", "matter_kind"],
        "MATTER_STEP": ["matter", "step"],
        "HEARTBEAT": [],
        "SUPPLIES": ["item", "unit_of_count"],
    },
    "urgent-care": {"URGENT_NEED": ["need"], "RESPONSE": ["responds_source", "responds_sequence"]},
    "reference": {
        "SITE": ["site_kind", "name_en"],
        "UNIT": ["name_en"],
        "DEVICE": ["parent"],
        "ROSTER": ["parent", "valid_from"],
        "PASS": ["valid_from"],
        "DIVISION": ["name_en", "name_zh"],
        "RISK_AREA": ["tier", "valid_from"],
        "CLOSURE_ORDER": ["valid_from", "division"],
        "VEHICLE_ALERT": ["valid_from", "valid_until", "approver_role"],
        "EVENT_PERMIT": ["valid_from", "division", "tier", "approver_role", "category"],
        "RESOURCE": ["valid_from", "item", "quantity", "unit_of_count"],
        "POLICY_VERSION": ["valid_from", "document"],
    },
}
"""Fields that a kind must state: {topic: {kind: [field]}}."""

BOUNDS = {
    "sequence": (0, 2**63 - 1),
    "zone_offset_minutes": (-840, 840),
    "value_tenths": (250, 450),
    "rounded_to": (1, 10**9),
    "occurred_at": (0, 2**62),
    "sent_at": (0, 2**62),
    **{
        field["name"]: (0, 2**32 * 1000)
        for fields in FIELDS.values()
        for field in fields
        if "timestamp-millis" in str(field["type"]) and field["name"] not in ("occurred_at", "sent_at")
    },
}


class Refused(NamedTuple):
    """Why a record cannot be used; ``field`` is None where none is at fault, or more than one may be."""

    reason: str
    field: str | None


class Event(NamedTuple):
    """A usable record. ``row`` holds the fields of the schema; ``identity`` and ``content`` are 16-byte hashes."""

    topic: str
    partition: int
    offset: int
    key: str
    appended_at: int
    row: dict[str, Any]
    identity: bytes
    content: bytes

    @property
    def is_mark(self) -> bool:
        return bool(self.row["kind"] == "TIME_MARK")

    @property
    def name(self) -> str:
        """The identity for people: source#sequence."""
        return f"{self.row['source']}#{self.row['sequence']}"

    @property
    def too_old_for_risk(self) -> bool:
        """Too old when it was sent, or too long on its way: stored and counted, never a fact."""
        occurred_at, sent_at = self.row["occurred_at"], self.row["sent_at"]
        too_old = sent_at - occurred_at > HORIZON or self.appended_at - sent_at > LATENESS
        return too_old and self.topic in PERSONAL and not self.is_mark


def read(record: Published, offset: int, partition: int, partitions: int) -> Event | Refused:
    """The event of a record at its place in the log, or why there is none."""
    try:
        row = _decode(record)
    except Unreadable as error:
        return Refused(error.reason, error.field)
    refused = _check(record, row, partition, partitions)
    if refused is not None:
        return refused
    key = (record.key or b"").decode(errors="replace")
    identity = xxh3_128_digest(f"{row['source']}\x1f{row['sequence']}".encode())
    content = xxh3_128_digest(canonical_text(key, row).encode())
    return Event(record.topic, partition, offset, key, record.appended_at, row, identity, content)


def _decode(record: Published) -> dict[str, Any]:
    value = record.value
    if value is None:
        raise Unreadable("NULL_VALUE")
    if len(value) < 5:
        raise Unreadable("TOO_SHORT")
    if value[0] != 0:
        raise Unreadable("FOREIGN_MAGIC")
    schema = SCHEMAS.get(int.from_bytes(value[1:5], "big"))
    if schema is None:
        raise Unreadable("UNKNOWN_SCHEMA")
    if schema.subject != record.topic:
        raise Unreadable("OTHER_SUBJECT")
    said = read_datum(value, 5, schema.fields)
    unknown = DEFAULTS[record.topic].keys() - said.keys()
    return said | {name: default for name, default in DEFAULTS[record.topic].items() if name in unknown}


def _check(record: Published, row: dict[str, Any], partition: int, partitions: int) -> Refused | None:
    topic = BY_NAME[record.topic]
    is_mark = row["kind"] == "TIME_MARK"
    if not is_mark and not _is_good_key(record.key, "token" in topic.key):
        return Refused("BAD_KEY", "key")
    if topic.partitioned and partition_of(record.key or b"", partitions) != partition:
        return Refused("WRONG_PARTITION", "key")
    missing = [name for name in MUST_STATE[record.topic].get(row["kind"], []) if row[name] in (None, "NOT_STATED")]
    if row["source"] == "":
        missing.append("source")
    if missing:
        return Refused("MISSING_FIELD", _the_only(missing))
    if not NAME.fullmatch(row["source"]):
        return Refused("OUT_OF_RANGE", "source")
    outside = [
        name for name, (low, high) in BOUNDS.items() if row.get(name) is not None and not low <= row[name] <= high
    ]
    if outside:
        return Refused("OUT_OF_RANGE", _the_only(outside))
    if row["occurred_at"] - row["sent_at"] > SKEW:
        return Refused("OCCURRED_AFTER_SENT", "occurred_at")
    if not is_mark and row["sent_at"] - record.appended_at > SKEW:
        return Refused("SENT_AFTER_APPENDED", "sent_at")
    return None


def _the_only(fields: list[str]) -> str | None:
    return fields[0] if len(fields) == 1 else None


def _is_good_key(key: bytes | None, must_be_token: bool) -> bool:
    try:
        text = (key or b"").decode()
    except UnicodeDecodeError:
        return False
    return (TOKEN if must_be_token else NAME).match(text) is not None


def canonical_text(key: str, row: dict[str, Any]) -> str:
    """What two records must share to be the same content (see the docstring of ``schemas/identities.py``)."""
    parts = [key]
    for field, value in row.items():
        if value is None or value == "NOT_STATED" or value == []:
            continue
        if isinstance(value, list):
            value = "\x1e".join(value)
        if isinstance(value, str):
            parts.append(f"{field}={len(value.encode())}:{value}")
        elif isinstance(value, bool):
            parts.append(f"{field}={'true' if value else 'false'}")
        else:
            parts.append(f"{field}={value}")
    return "\x1f".join(parts)


_partitions: dict[tuple[bytes, int], int] = {}


def partition_of(key: bytes, partitions: int) -> int:
    """Kafka's default partitioner: the positive murmur2 of the key, modulo the number of partitions."""
    found = _partitions.get((key, partitions))
    if found is None:
        found = _partitions[key, partitions] = (murmur2(key) & 0x7FFFFFFF) % partitions
    return found


def murmur2(data: bytes) -> int:
    """MurmurHash2, 32 bits, little endian, with Kafka's seed 0x9747b28c."""
    multiplier, mask = 0x5BD1E995, 0xFFFFFFFF
    state = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * multiplier & mask
        word = (word ^ word >> 24) * multiplier & mask
        state = (state * multiplier & mask) ^ word
    if rest := data[whole:]:
        state = (state ^ int.from_bytes(rest, "little")) * multiplier & mask
    state = (state ^ state >> 13) * multiplier & mask
    return state ^ state >> 15
