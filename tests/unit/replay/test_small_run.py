"""A run of events that fit into memory: in order, with marks, disturbed alike each time, and nothing outside of it."""

from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from xxhash import xxh3_128_hexdigest

from replay.campaigns.disturbance import Rates
from replay.campaigns.drafts import Draft, local, stamped
from replay.campaigns.small_run import SmallRun
from replay.campaigns.tokens import Tokens
from replay.emission import Emission
from schemas import events, topics
from schemas.events import Event
from tests.support.plain_count import plain_count

START, UNTIL = local("2020-02-01T00:00"), local("2020-02-08T00:00")
HOUR, DAY = 3_600_000, 24 * 3_600_000
PARTITIONS = 2
NUMBER = 3000


def passages(number: int = NUMBER) -> list[Event]:
    """Passages all over the first six days, in no order."""
    tokens = Tokens(1, "anyone")
    place = {"site": "gate", "site_kind": "RAIL", "direction": "ENTERING", "subject_kind": "PERSON"}
    drafts = [
        Draft(START + (one * 7_919_000) % (6 * DAY), f"gate-{one % 5}", events.Passage, {**place, "token": token})
        for one, token in enumerate(tokens.one(one % 400) for one in range(number))
    ]
    return list(reversed(stamped(drafts)))


def reports() -> list[Event]:
    """Heartbeats, each on time."""
    return stamped(
        Draft(at, "unit-reports", events.Heartbeat, {"unit_id": "unit"}) for at in range(START, UNTIL - DAY, 600_000)
    )


def registry() -> list[Event]:
    """Two units before the start, and an area that becomes risky on the fourth day."""
    notice = START + 3 * DAY + 1_800_000
    return stamped(
        [
            Draft(START - HOUR, "registry", events.Unit, {"entity_id": "unit", "name_en": "Unit"}, 0),
            Draft(START - HOUR + 1000, "registry", events.Unit, {"entity_id": "other", "name_en": "Other"}, 0),
            Draft(
                notice, "registry", events.RiskArea, {"entity_id": "150802", "tier": "MEDIUM", "valid_from": notice}, 0
            ),
        ]
    )


def run(
    made: Callable[[], Iterable[Event]] = lambda: [*passages(), *reports()], seed: int = 1, **options: object
) -> tuple[SmallRun, list[Emission]]:
    small = SmallRun(
        seed,
        1.0,
        PARTITIONS,
        1.0,
        reference=registry(),
        events=lambda _seed, _scale: made(),
        start=START,
        until=UNTIL,
        **options,  # type: ignore[arg-type]
    )
    return small, list(small.emissions())


def test_every_event_stands_once_whatever_was_sent_twice_late_or_in_conflict() -> None:
    small, emissions = run()
    found = plain_count([one for one in emissions if not one.key.startswith(b"mark-")], PARTITIONS)
    assert not found.dead_letters
    identities = Counter((row["source"], row["sequence"]) for _, row in found.events["check-ins"])
    assert identities == Counter(event.identity for event in passages())
    assert len(found.events["reports"]) == len(reports())
    account = small.account
    assert account.conflicts == {"check-ins": 3, "reports": 3}
    assert account.late["check-ins"] > 0
    assert account.duplicates["check-ins"] > 0
    assert account.disordered["check-ins"] > 0


def test_reports_leave_when_they_say_so() -> None:
    small, emissions = run()
    found = plain_count([one for one in emissions if not one.key.startswith(b"mark-")], PARTITIONS)
    assert small.account.late["reports"] == 0
    assert {row["sent_at"] - row["occurred_at"] for _, row in found.events["reports"]} == {1000}


def test_records_of_a_partition_arrive_in_order_with_a_mark_at_every_hour() -> None:
    _, emissions = run()
    last: dict[tuple[str, int | None], int] = {}
    marks: Counter[tuple[str, int | None]] = Counter()
    for emission in emissions:
        place = emission.topic, emission.partition
        assert last.get(place, 0) <= emission.appended_at
        last[place] = emission.appended_at
        marks[place] += emission.key.startswith(b"mark-")
    assert set(marks.values()) == {(UNTIL - START) // HOUR + 1}
    assert {topic for topic, _ in marks} == {topic.name for topic in topics.INPUT_TOPICS}
    assert set(last.values()) == {UNTIL}


def test_what_the_registry_says_later_arrives_then_and_all_of_it_is_published_before_the_rest() -> None:
    _, emissions = run()
    names = [emission.topic for emission in emissions]
    assert "reference" not in names[names.index("check-ins") :]
    told = [emission for emission in emissions if emission.topic == "reference"]
    place = next(number for number, emission in enumerate(told) if emission.key == b"150802")
    before, after = told[place - 1], told[place + 1]
    assert before.appended_at == START + 3 * DAY
    assert after.appended_at == START + 3 * DAY + HOUR
    repeated = Counter(emission.value for emission in told)
    assert sorted(repeated.values())[-3:] == [1, 2, 2]


def test_equal_arguments_give_equal_bytes_and_another_seed_others() -> None:
    def digest(seed: int) -> str:
        return xxh3_128_hexdigest(repr(run(lambda: passages(400), seed)[1]).encode())

    assert digest(1) == digest(1) != digest(2)


def test_a_calm_run_has_no_disturbance() -> None:
    small, emissions = run(rates=Rates(0, 0, 0), conflicts=0)
    account = small.account
    assert not +account.late
    assert not +account.disordered
    assert not +account.conflicts
    assert account.duplicates == {"reference": 2, "check-ins": 0, "reports": 0}
    assert abs(small.expected - len(emissions)) <= 2


@pytest.mark.parametrize("at", [START - 1, UNTIL])
def test_an_event_outside_the_run_is_an_error(at: int) -> None:
    with pytest.raises(ValueError, match="outside the run"):
        run(lambda: stamped([Draft(at, "unit-reports", events.Heartbeat, {"unit_id": "unit"})]))


def test_a_source_numbers_its_events_in_order_of_occurrence() -> None:
    by_source: dict[str, list[Event]] = {}
    for event in reversed(passages(50)):
        by_source.setdefault(event.source, []).append(event)
    assert len(by_source) == 5
    for made in by_source.values():
        assert [event.sequence for event in made] == list(range(len(made)))
        assert made == sorted(made, key=lambda event: event.occurred_at)
