"""A story from rows in any order, and rows from the log's own batches."""

from collections.abc import Sequence

from replay.from_log import events_known, naming
from replay.story import Known, Row, story
from schemas import topics
from schemas.events import Event
from schemas.registry import default_registry
from schemas.validity import Limits
from schemas.wire.batches import RecordBatch
from schemas.wire.partitioner import partition_of_key
from schemas.wire.rows import RowCodec
from sinks.blocks import Span
from streams.reference import Reference
from tests.support.batches import Sent, record_batch
from tests.support.people import DAY, HOUR, NOON, TOKEN, Desk

LIMITS = Limits()
PARTITIONS = 8
HOME = partition_of_key(TOKEN.encode(), PARTITIONS)


def known(*published: Event, at: int = NOON + DAY, reference: Reference | None = None) -> Known:
    records = [event.record() for event in published]
    rows: list[tuple[str, Row]] = [(topic, {**row, "appended_at": row["sent_at"]}) for topic, _, row in records]
    return Known(TOKEN, at, rows, reference or Reference(LIMITS), LIMITS)


def test_what_was_too_old_when_it_was_sent_is_observed_but_not_judged() -> None:
    told = story(known(Desk().reading(395, NOON, sent_at=NOON + 31 * DAY), at=NOON + HOUR))
    assert [one.too_old for one in told.observed] == [True]
    assert told.segments == []


def test_of_two_contents_under_one_identity_risk_keeps_what_either_asserts() -> None:
    told = story(known(Desk().reading(365), Desk().reading(395), at=NOON + HOUR))
    assert told.verdict is not None
    assert told.verdict.level == "HIGH"
    assert len(told.observed) == 2


def test_the_order_of_rows_does_not_matter() -> None:
    desk = Desk()
    events = [desk.reading(395), desk.lead(), desk.verified(at=NOON + HOUR), Desk().reading(365)]
    assert story(known(*events)) == story(known(*reversed(events)))


def test_a_stuck_device_is_judged_by_as_many_facts_as_the_worker_keeps() -> None:
    desk = Desk()
    told = story(known(*(desk.reading(395, NOON + number) for number in range(1200)), at=NOON + HOUR))
    assert len(told.observed) == 1200
    edges = {edge for segment in told.segments for edge in (segment.start, segment.until)}
    assert len(edges) <= 2 * 1000


def test_a_fact_that_is_too_large_to_keep_is_observed_but_not_judged() -> None:
    told = story(known(Desk().passage(health_code="RED", origin_area="a" * 64), at=NOON + HOUR))
    assert told.verdict is not None
    large = known(Desk().passage(health_code="RED"), at=NOON + HOUR)
    large.rows[0] = (large.rows[0][0], {**large.rows[0][1], "symptoms": ["FEVER" * 500]})
    assert story(large).verdict is None


# ---- from the log


def sent(*events: Event, timestamp: int | None = None) -> list[Sent]:
    codec = RowCodec(default_registry(), topics.TEMPERATURES.name)
    records = [event.record() for event in events]
    return [Sent(key, codec.encode(row), timestamp or row["sent_at"]) for _, key, row in records]


def read(*batches: RecordBatch, at: int = NOON + DAY, token: str = TOKEN) -> list[tuple[int, int]]:
    """(sequence, first arrival) of the token's events, as found in batches of its partition."""
    found = naming([(Span(topics.TEMPERATURES.name, HOME, 0, 1 << 40), batches)], token.encode())
    pieces = found.get(topics.TEMPERATURES.name, {})
    rows = events_known(topics.TEMPERATURES, pieces, PARTITIONS, at)
    return [(row["sequence"], row["appended_at"]) for key, row in rows if key == token]


def test_only_batches_with_the_bytes_of_the_token_are_parsed() -> None:
    def somebody(number: int) -> Sequence[Sent]:
        (one,) = sent(Desk().reading(366))
        return [one._replace(key=b"p00" + b"abcdefgh"[number : number + 1] * 24)]

    others = [record_batch(somebody(number), number, codec="lz4") for number in range(1, 8)]
    mine = record_batch(sent(Desk().reading(366)), 99, codec="lz4")
    span = Span(topics.TEMPERATURES.name, HOME, 0, 100)
    found = naming([(span, [*others[:3], mine, *others[3:]])], TOKEN.encode())
    assert found == {topics.TEMPERATURES.name: {span: [mine]}}


def test_a_repeat_is_one_event_and_counts_from_its_first_arrival_whatever_its_offset() -> None:
    reading = Desk().reading(366)
    late, early = sent(reading, timestamp=NOON + 2 * HOUR), sent(reading, timestamp=NOON + HOUR)
    batches = record_batch(late), record_batch(early, 1)
    assert read(*batches) == [(1, NOON + HOUR)]
    assert read(*batches, at=NOON + HOUR) == [(1, NOON + HOUR)]
    assert read(*batches, at=NOON + HOUR - 1) == []


def test_refused_records_marks_and_another_partition_are_no_events() -> None:
    desk = Desk()
    good, other = sent(desk.reading(366), desk.reading(366, NOON + HOUR))
    early = sent(desk.reading(366, NOON + DAY), timestamp=NOON)  # sent after it arrived
    poison = [Sent(TOKEN.encode(), None, NOON), Sent(TOKEN.encode(), b"\x00\x00", NOON), *early]
    assert read(record_batch([good, *poison, other])) == [(1, NOON), (2, NOON + HOUR)]
    elsewhere = Span(topics.TEMPERATURES.name, HOME + 1, 0, 1)
    assert [*events_known(topics.TEMPERATURES, {elsewhere: [record_batch([good])]}, PARTITIONS, NOON + DAY)] == []
