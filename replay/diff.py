"""What a replay's tables say otherwise than the live ones: row by row and figure by figure, with the events behind.

Each difference has a name, by which it is accepted. Rows are compared by what they are about; where they stand in the
log is compared in arrivals alone. What arrived after the replay's range is not compared.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from replay.plan import Plan
from replay.target import Target
from schemas.topics import URGENT_CARE
from sinks.blocks import Span
from sinks.clickhouse import OWN_DATABASE, ClickHouse
from sinks.comparisons import OF_A_REPLAY
from sinks.figures import Figure, compute
from sinks.ledger import Place
from sinks.tables import EVENT_TABLES

MOST_ROWS = 1000
"""Differences of one table that are named; more are counted."""

MOST_EVENTS = 20


class Difference(NamedTuple):
    """One thing that is not the same. ``live`` and ``replayed``: what each side says, None where it says nothing;
    ``events``: those behind it, `source#sequence`."""

    name: str
    live: str | None
    replayed: str | None
    events: list[str]


class Compared(NamedTuple):
    """All that differs. ``counts``: differences of each table, also of those that are not named."""

    differences: list[Difference]
    counts: Mapping[str, int]

    @property
    def clean(self) -> bool:
        return not any(self.counts.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "counts": dict(self.counts),
            "differences": [one._asdict() for one in self.differences],
        }


class _Comparison(NamedTuple):
    """Two tables by SQL: what a row is about, what it says, whose events it names, and which rows are compared; only
    ``distinct`` columns where several rows may say the same."""

    table: str
    key: tuple[str, ...]
    says: str
    events: str = "[]"
    live: str = "1"
    replayed: str = "1"
    distinct: str = ""

    @property
    def short(self) -> str:
        return self.table.partition(".")[2]


_EVENT = "[concat(source, '#', toString(sequence))]"


def compare(client: ClickHouse, replayed: ClickHouse, plan: Plan, figures: Iterable[Figure]) -> Compared:
    """Live tables against those of a replay: ``client`` asks in the live database, ``replayed`` in the replay's. Where
    it read all of the log, what follows from the log is compared as well.

    Raises `StatementFailed`.
    """
    found: list[Difference] = []
    counts: dict[str, int] = {}
    for one in _comparisons(plan):
        if _same(client, plan.target, one):
            counts[one.short] = 0
            continue
        counts[one.short] = _count(client, plan.target, one)
        found += _rows(client, plan.target, one)
    if plan.whole:
        counts["cells"], cells = _cells(client, plan)
        found += cells
        numbers = _figures(client, replayed, list(figures))
        counts["figures"], found = len(numbers), found + numbers
    return Compared(found, counts)


def _comparisons(plan: Plan) -> list[_Comparison]:
    found = []
    within = {
        topic: _within([span for span in plan.spans if span.topic == topic], "partition", "offset")
        for topic in EVENT_TABLES
    }
    for topic, table in EVENT_TABLES.items():
        # Of equal events that with the smallest offset stays, which may lie before the range.
        key = "lower(hex(identity))", "lower(hex(content))"
        says = "toString(cityHash64(tuple(* EXCEPT (partition, offset))))"
        found.append(_Comparison(table.name, key, says, _EVENT, live=within[topic]))
    inputs = " OR ".join(f"(topic = '{topic}' AND {positions})" for topic, positions in within.items())
    found.append(
        _Comparison(
            "checkline.arrivals",
            ("topic", "toString(partition)", "toString(offset)"),
            "toString(tuple(outcome, reason, lower(hex(identity)), lower(hex(content))))",
            live=f"({inputs})",
            replayed=f"({inputs})",
        )
    )
    # A replay concludes nothing of urgent care, and writes no dead letters of it.
    letters = f"({inputs}) AND topic != '{URGENT_CARE.name}'"
    found.append(
        _Comparison(
            "checkline.dead_letters",
            ("topic", "toString(partition)", "toString(offset)", "toString(reason)"),
            "ifNull(field, '')",
            "if(source = '', [], [concat(source, '#', toString(sequence))])",
            live=letters,
            replayed=letters,
        )
    )
    if plan.whole:
        known = _before(plan.supersedes)
        no_newer_timeline = _not_since("token", "checkline.risk_timelines", known["risk-changes"])
        found += [
            # Which content it lost against depends on what had arrived by then.
            _Comparison(
                "checkline.conflicts",
                ("lower(hex(identity))", "lower(hex(loser_content))"),
                "''",
                distinct="identity, loser_content",
            ),
            _Comparison(
                "checkline.risk_timelines",
                ("token",),
                "toString(tuple(levels, froms, untils, rules, policies, evidence))",
                "arrayDistinct(splitByChar(' ', arrayStringConcat(evidence, ' ')))",
                live=f"notEmpty(levels) AND {known['risk-changes']}",
                replayed=f"notEmpty(levels) AND {no_newer_timeline}",
            ),
            _Comparison(
                "checkline.sla_clocks",
                ("clock_id",),
                "toString(tuple(deadline_class, opened_at, due_at, done_at, withdrawn_at, policy))",
                "evidence",
                live=known["sla-events"],
                replayed=_not_since("clock_id", "checkline.sla_clocks", known["sla-events"]),
            ),
        ]
    return found


def _within(spans: Sequence[Span], partition: str, offset: str) -> str:
    terms = [f"({partition} = {one.partition} AND {offset} >= {one.begin} AND {offset} < {one.end})" for one in spans]
    return f"({' OR '.join(terms) or '0'})"


def _before(ends: Mapping[Place, int]) -> dict[str, str]:
    """By derived topic: rows that were there when the replay was planned; what came later may follow from later
    events."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for (topic, partition), end in sorted(ends.items()):
        spans[topic].append(Span(topic, partition, OF_A_REPLAY, end))
    return {topic: _within(of_topic, "partition", "offset") for topic, of_topic in spans.items()}


def _not_since(key: str, table: str, known: str) -> str:
    """Rows of what the live table has no newer word of."""
    return f"{key} NOT IN (SELECT {key} FROM {table} FINAL WHERE NOT {known})"


def _sides(target: Target, one: _Comparison) -> tuple[str, str]:
    name = one.table.replace(OWN_DATABASE, target.database, 1)
    if one.distinct:
        live, replayed = (
            f"(SELECT DISTINCT {one.distinct} FROM {table} WHERE {condition}) WHERE 1"
            for table, condition in ((one.table, one.live), (name, one.replayed))
        )
        return live, replayed
    return f"{one.table} FINAL WHERE {one.live}", f"{name} FINAL WHERE {one.replayed}"


def _same(client: ClickHouse, target: Target, one: _Comparison) -> bool:
    """By a digest of both sides, which costs a look at each row and no more."""
    number = f"cityHash64({', '.join(one.key)}, {one.says})"
    digests = [
        client.rows(f"SELECT count(), groupBitXor({number}), sumWithOverflow({number}) FROM {side}")[0]
        for side in _sides(target, one)
    ]
    return bool(digests[0] == digests[1])


def _differing(target: Target, one: _Comparison) -> str:
    """Query for the keys of rows that are not the same on both sides, as hashes: there may be millions."""
    key = f"cityHash64({', '.join(one.key)})"
    live, replayed = _sides(target, one)
    return f"""
        SELECT key
        FROM
        (
            SELECT {key} AS key, cityHash64({one.says}) AS said, 0 AS side FROM {live}
            UNION ALL
            SELECT {key} AS key, cityHash64({one.says}) AS said, 1 AS side FROM {replayed}
        )
        GROUP BY key
        HAVING countIf(side = 0) != countIf(side = 1)
            OR sumWithOverflowIf(said, side = 0) != sumWithOverflowIf(said, side = 1)
    """


def _rows(client: ClickHouse, target: Target, one: _Comparison) -> list[Difference]:
    hashes = [
        key for (key,) in client.rows(f"SELECT key FROM ({_differing(target, one)}) ORDER BY key LIMIT {MOST_ROWS}")
    ]
    key = ", ".join(one.key)
    if not hashes:
        return []
    chosen = f"cityHash64({key}) IN ({', '.join(map(str, hashes))})"
    live, replayed = _sides(target, one)
    query = f"""
        SELECT
            key, groupArrayIf(says, side = 0), groupArrayIf(says, side = 1),
            arrayDistinct(arrayFlatten(groupArray(events)))
        FROM
        (
            SELECT [{key}] AS key, {one.says} AS says, {one.events} AS events, 0 AS side FROM {live} AND {chosen}
            UNION ALL
            SELECT [{key}] AS key, {one.says} AS says, {one.events} AS events, 1 AS side FROM {replayed} AND {chosen}
        )
        GROUP BY key
        ORDER BY key
    """
    return [
        Difference("/".join([one.short, *key]), _told(live), _told(replayed), list(events)[:MOST_EVENTS])
        for key, live, replayed, events in client.rows(query)
    ]


def _count(client: ClickHouse, target: Target, one: _Comparison) -> int:
    ((count,),) = client.rows(f"SELECT count() FROM ({_differing(target, one)})")
    return int(count)


def _told(says: Sequence[str]) -> str | None:
    return (says[0] or "is there") if says else None


def _cells(client: ClickHouse, plan: Plan) -> tuple[int, list[Difference]]:
    """Cells of hours that nothing was added to since, with the events that are on one side only: how many, and those
    that are named."""
    later = " OR ".join(
        f"(topic = '{span.topic}' AND partition = {span.partition} AND span_end > {span.end})" for span in plan.spans
    )
    target = plan.target
    replayed = f"{target.database}.cells"
    query = f"""
        SELECT topic, hour, site, kind, measure, partition, live, replayed
        FROM
        (
            SELECT
                topic, toInt64(toUnixTimestamp(hour)) * 1000 AS hour, site, kind, measure, partition,
                sumIf(value, side = 0) AS live, sumIf(value, side = 1) AS replayed
            FROM
            (
                SELECT topic, hour, site, kind, measure, partition, value, 0 AS side FROM checkline.cells FINAL
                UNION ALL
                SELECT topic, hour, site, kind, measure, partition, value, 1 AS side FROM {replayed} FINAL
            )
            WHERE (topic, partition, hour) NOT IN
            (
                SELECT topic, partition, arrayJoin(hours) FROM checkline.ledger FINAL WHERE {later}
            )
            GROUP BY topic, hour, site, kind, measure, partition
            HAVING live != replayed
        )
    """
    ((count,),) = client.rows(f"SELECT count() FROM ({query})")
    found = []
    ordered = f"{query} ORDER BY topic, hour, site, kind, measure, partition LIMIT {MOST_ROWS}"
    for topic, hour, site, kind, measure, partition, live, other in client.rows(ordered):
        name = "/".join(["cells", topic, str(hour), site, kind, measure, str(partition)])
        found.append(Difference(name, str(live), str(other), _one_sided(client, target, topic, hour, partition, kind)))
    return int(count), found


def _one_sided(client: ClickHouse, target: Target, topic: str, hour: int, partition: int, kind: str) -> list[str]:
    table = EVENT_TABLES[topic].name
    other = table.replace(OWN_DATABASE, target.database, 1)
    where = "hour = toDateTime(%(hour)s, 'UTC') AND partition = %(partition)s AND toString(kind) = %(kind)s"
    query = f"""
        SELECT concat(any(source), '#', toString(any(sequence)))
        FROM
        (
            SELECT identity, content, source, sequence, 0 AS side FROM {table} FINAL WHERE {where}
            UNION ALL
            SELECT identity, content, source, sequence, 1 AS side FROM {other} FINAL WHERE {where}
        )
        GROUP BY identity, content
        HAVING uniqExact(side) = 1
        LIMIT {MOST_EVENTS}
    """
    parameters = {"hour": hour // 1000, "partition": partition, "kind": kind}
    return [event for (event,) in client.rows(query, parameters)]


def _figures(live: ClickHouse, replayed: ClickHouse, figures: Sequence[Figure]) -> list[Difference]:
    both = zip(compute(live, figures), compute(replayed, figures), strict=True)
    return [
        Difference(f"figures/{mine.ref}/{mine.name}", _number(mine.computed), _number(theirs.computed), [])
        for mine, theirs in both
        if mine.computed != theirs.computed
    ]


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)
