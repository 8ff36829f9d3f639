"""What came out, held against what must: one readable line for every difference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.faults.model import (
    Arrival,
    CellKey,
    Clock,
    ClockKey,
    DeadLetter,
    FactId,
    Model,
    Place,
    Segment,
    Totals,
)

LINES = 20
"""Most differences told of one category; a line with their number follows."""


EVIDENCE_TOLD = 16
"""A segment that rests on more events than this may name so many of them only."""


@dataclass
class Found:
    """What the driver read from the changelog and the tables when everything had settled. Times are UTC ms."""

    facts: Mapping[str, set[FactId]] = field(default_factory=dict)
    """Identities of the facts in each person's state, without announcements (source ``checkline``)."""
    timelines: Mapping[str, Sequence[Segment]] = field(default_factory=dict)
    """`risk_timelines` FINAL, evidence split at spaces; persons without segments may be left out."""
    clocks: Mapping[ClockKey, Clock] = field(default_factory=dict)
    """`sla_clocks` FINAL by key; whether a clock is implied is not told, and not compared. One that must not be there
    may stand as withdrawn when it began: it was told before that was learnt which undoes it."""
    notices: Mapping[ClockKey, Sequence[str]] = field(default_factory=dict)
    """Kinds of the rows of `sla_notices` FINAL by key, in the order of (as_of, offset)."""
    dead_letters: Mapping[Place, Sequence[DeadLetter]] = field(default_factory=dict)
    """`dead_letters` FINAL by the place of the refused record, with the digest of the bytes kept; more than one is a
    letter published twice. ``value_digest`` '' : the bytes were not kept (too large) or not read."""
    event_rows: Mapping[str, Mapping[tuple[bytes, bytes], int]] = field(default_factory=dict)
    """Rows of the event tables FINAL: {topic: {(identity, content): offset}}."""
    conflicts: Mapping[bytes, set[tuple[bytes, bytes]]] = field(default_factory=dict)
    """Rows of `conflicts` FINAL: {identity: {(winner_content, loser_content)}}."""
    cells: Mapping[CellKey, int] = field(default_factory=dict)
    """`cells` FINAL summed over partitions, hours in ms. Zeroes may be left out."""
    arrivals: Mapping[Place, Arrival] = field(default_factory=dict)
    """`arrivals` FINAL; hashes are compared for stored records only."""
    totals: Mapping[tuple[str, int], Totals] = field(default_factory=dict)
    """Sums over `ledger` FINAL after overlaps are resolved, or counts of its arrivals, by (topic, partition)."""


def differences(model: Model, found: Found) -> list[str]:
    """Every way in which what came out is not what the log says; empty: they agree."""
    lines: list[str] = []
    for category, told in (
        ("fact", _facts(model, found)),
        ("timeline", _timelines(model, found)),
        ("clock", _clocks(model, found)),
        ("notice", _notices(model, found)),
        ("dead letter", _dead_letters(model, found)),
        ("event row", _event_rows(model, found)),
        ("conflict", _conflicts(model, found)),
        ("cell", _cells(model, found)),
        ("arrival", _arrivals(model, found)),
        ("ledger", _totals(model, found)),
    ):
        every = [f"{category}: {line}" for line in told]
        lines += every[:LINES]
        if len(every) > LINES:
            lines.append(f"{category}: {len(every)} differences, of which {LINES} are shown")
    return lines


def _facts(model: Model, found: Found) -> Iterable[str]:
    known, needed = model.facts(), model.needed_facts()
    for token in sorted(known.keys() | found.facts.keys()):
        stored = found.facts.get(token, set())
        for source, sequence in sorted(needed.get(token, set()) - stored):
            yield f"{token} lacks {_short(source)}#{sequence}, which a verdict or a clock needs"
        for source, sequence in sorted(stored - known.get(token, set())):
            yield f"{token} holds {_short(source)}#{sequence}, which no usable record says"


def _timelines(model: Model, found: Found) -> Iterable[str]:
    expected = model.timelines()
    for token in sorted(expected.keys() | found.timelines.keys()):
        must, is_ = expected.get(token, []), _joined(found.timelines.get(token, []))
        if not _agrees(must, is_):
            only = [segment for segment in must if segment not in is_]
            other = [segment for segment in is_ if segment not in must]
            yield f"{token} must have {_segments(only)} and has {_segments(other)}"


def _joined(segments: Sequence[Segment]) -> list[Segment]:
    """Neighbours of one level and evidence as one: they differ in the names of rules or policies only."""
    joined: list[Segment] = []
    for segment in segments:
        if joined and (joined[-1].until, *joined[-1][2:]) == (segment.start, *segment[2:]):
            joined[-1] = joined[-1]._replace(until=segment.until)
        else:
            joined.append(segment)
    return joined


def _agrees(must: Sequence[Segment], found: Sequence[Segment]) -> bool:
    """The same levels at the same times; and the same evidence, or `EVIDENCE_TOLD` of it where there is more. So a
    segment that was found may last for several that must be."""
    levels = [_joined([one._replace(evidence=()) for one in segments]) for segments in (must, found)]
    if levels[0] != levels[1]:
        return False
    for segment in must:
        covering = [one for one in found if one.start < segment.until and segment.start < one.until]
        for one in covering:
            whole = one.evidence == segment.evidence
            enough = len(one.evidence) >= EVIDENCE_TOLD and set(one.evidence) <= set(segment.evidence)
            if not (whole or enough):
                return False
    return True


def _segments(segments: Sequence[Segment]) -> str:
    told = [
        f"{segment.level} {_time(segment.start)} to {_time(segment.until)} by {_short(' '.join(segment.evidence))}"
        for segment in segments[:3]
    ]
    return "; ".join(told) + ("; ..." if len(segments) > 3 else "") or "nothing else"


def _clocks(model: Model, found: Found) -> Iterable[str]:
    expected = model.outcomes()
    for key in sorted(expected.keys() | found.clocks.keys()):
        must = [outcome.clock for outcome in expected.get(key, [])]
        clock = found.clocks.get(key)
        if clock is not None and not must and clock.withdrawn_at == clock.opened_at and clock.done_at is None:
            continue  # undone
        if (clock is None and must) or (clock is not None and not any(_same_clock(clock, one) for one in must)):
            yield f"{_short(key)} must have {' or '.join(map(_clock, must)) or 'no clock'} and has {_clock(clock)}"


def _same_clock(clock: Clock, must: Clock) -> bool:
    return clock == must._replace(implied=clock.implied)


def _clock(clock: Clock | None) -> str:
    if clock is None:
        return "no clock"
    times = (("opened", clock.opened_at), ("due", clock.due_at), ("done", clock.done_at))
    told = [f"{name} {_time(at)}" for name, at in (*times, ("withdrawn", clock.withdrawn_at)) if at is not None]
    before = " (must be done before)" if clock.before_due else ""
    return f"{clock.duty} of {clock.subject} about {_short(clock.about)}, {', '.join(told)}{before}"


def _notices(model: Model, found: Found) -> Iterable[str]:
    expected = model.outcomes()
    for key in sorted(expected.keys() | found.notices.keys()):
        outcomes, told = expected.get(key, []), found.notices.get(key, [])
        kinds = [kind for kind in told if kind in ("BREACHED", "RETRACTED")]
        if kinds != ["BREACHED", "RETRACTED"] * (len(kinds) // 2) + ["BREACHED"] * (len(kinds) % 2):
            yield f"{_short(key)} was told {', '.join(kinds)}: a breach and its retraction must take turns"
        stands = kinds[-1:] == ["BREACHED"]
        if not any(outcome.breached == stands for outcome in outcomes) and (outcomes or stands):
            must = " or ".join(sorted({outcome.outcome for outcome in outcomes})) or "not opened"
            yield f"{_short(key)} is {must}, but its breach {'stands' if stands else 'does not stand'}: told {kinds}"
        if "DUE_SOON" in told and outcomes and all(outcome.clock.implied for outcome in outcomes):
            yield f"{_short(key)} was told to be due soon: nothing is told of a slot before it is missed"


def _dead_letters(model: Model, found: Found) -> Iterable[str]:
    for place in sorted(model.dead_letters.keys() | found.dead_letters.keys()):
        letters = found.dead_letters.get(place, [])
        must = model.dead_letters.get(place)
        if must is None:
            yield f"{_place(place)} can be used, but has a dead letter: {', '.join(_letter(one) for one in letters)}"
        elif len(letters) != 1:
            yield f"{_place(place)} must have one dead letter, {_letter(must)}, and has {len(letters)}"
        elif not _same_letter(must, letters[0]):
            yield f"{_place(place)} must have {_letter(must)} and has {_letter(letters[0])}"


def _same_letter(must: DeadLetter, letter: DeadLetter) -> bool:
    same_field = must.field is None or must.field == letter.field
    same_bytes = letter.value_digest in ("", must.value_digest)
    return must.reason == letter.reason and same_field and same_bytes


def _letter(letter: DeadLetter) -> str:
    return f"{letter.reason} ({letter.field or 'no field'}, value {letter.value_digest[:8] or 'not kept'})"


def _event_rows(model: Model, found: Found) -> Iterable[str]:
    expected = model.event_rows()
    for topic in sorted(expected.keys() | found.event_rows.keys()):
        must, rows = expected.get(topic, {}), found.event_rows.get(topic, {})
        for row in sorted(must.keys() | rows.keys()):
            if must.get(row) != rows.get(row):
                name = f"{topic} identity {row[0].hex()[:12]} content {row[1].hex()[:12]}"
                yield f"{name} must stand at offset {_maybe(must.get(row))} and stands at {_maybe(rows.get(row))}"


def _conflicts(model: Model, found: Found) -> Iterable[str]:
    expected = model.conflicts()
    for identity in sorted(expected.keys() | found.conflicts.keys()):
        must, pairs = expected.get(identity), found.conflicts.get(identity, set())
        losers = {loser for _, loser in pairs}
        name = f"identity {identity.hex()[:12]}"
        if must is None:
            yield f"{name} has one content, but losers {_hashes(losers)}"
        elif losers != must.losers:
            yield f"{name} must have the losers {_hashes(must.losers)} and has {_hashes(losers)}"
        elif must.winner not in {winner for winner, _ in pairs}:
            yield f"{name} must be won by {_hashes([must.winner])}, which no row names"


def _cells(model: Model, found: Found) -> Iterable[str]:
    expected = model.cells()
    for cell in sorted(expected.keys() | found.cells.keys()):
        must, value = expected.get(cell, 0), found.cells.get(cell, 0)
        if must != value:
            topic, hour, site, kind, measure = cell
            yield f"{topic} {_time(hour)} site {site!r} {kind} {measure!r} must be {must} and is {value}"


def _arrivals(model: Model, found: Found) -> Iterable[str]:
    expected = model.arrivals()
    for place in sorted(expected.keys() | found.arrivals.keys()):
        must, arrival = expected.get(place), found.arrivals.get(place)
        if must is None or arrival is None or must[:2] != arrival[:2] or (must.outcome == "STORED" and must != arrival):
            yield f"{_place(place)} must be {_arrival(must)} and is {_arrival(arrival)}"


def _arrival(arrival: Arrival | None) -> str:
    if arrival is None:
        return "unknown"
    return f"{arrival.outcome} {arrival.reason or arrival.identity.hex()[:12] + '/' + arrival.content.hex()[:12]}"


def _totals(model: Model, found: Found) -> Iterable[str]:
    expected = model.totals()
    for partition in sorted(expected.keys() | found.totals.keys()):
        must, totals = expected.get(partition), found.totals.get(partition)
        if must != totals:
            yield f"{partition[0]}/{partition[1]} must be {_named(must)} and is {_named(totals)}"


def _named(totals: Totals | None) -> str:
    return "absent" if totals is None else ", ".join(f"{name} {count}" for name, count in totals._asdict().items())


def _time(milliseconds: int) -> str:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")[:-6]
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def _maybe(value: Any) -> str:
    return "nowhere" if value is None else str(value)


def _hashes(contents: Iterable[bytes]) -> str:
    return ", ".join(sorted(content.hex()[:12] for content in contents)) or "none"


def _place(place: Place) -> str:
    return f"{place[0]}/{place[1]}/{place[2]}"


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"
