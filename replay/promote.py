"""A replay's tables in place of the live ones, and back: each exchanged in one moment, while no sink writes.

What is exchanged is what the log says: events, arrivals, identities, conflicts, ledger, cells, timelines and clocks.
What was announced, refused or repaired live stays on record as it was. The sinks go on from the ledger of the tables
that they find, so what arrived meanwhile is read again and stands in the tables a moment later.

Rows of derived tables name positions in the replay's own topics. So that whatever a worker publishes from then on
stands above them, they are given none in the live ones (offset -1, rank 0), and what the live topics said before the
replay was planned is superseded: the audit no longer holds the tables against it.

Every step may be taken again: which tables have changed hands is seen by their identity, not remembered.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from replay.diff import Compared
from replay.plan import Plan
from replay.record import EXCHANGES, Noted, Step, last, note, steps
from replay.target import Target
from schemas.policy import default_policy
from schemas.topics import DERIVED_TOPICS, RISK_CHANGES, SLA_EVENTS
from sinks.clickhouse import OWN_DATABASE, ClickHouse
from sinks.ledger import Place
from sinks.standstill import exchanging
from sinks.tables import EVENT_TABLES

_LATEST = {RISK_CHANGES.name: "checkline.risk_timelines", SLA_EVENTS.name: "checkline.sla_clocks"}
EXCHANGED = (
    *(table.name for table in EVENT_TABLES.values()),
    "checkline.arrivals",
    "checkline.identities",
    "checkline.conflicts",
    "checkline.cells",
    *_LATEST.values(),
    "checkline.ledger",
)
"""The ledger last: it says that the rest is there."""

_DERIVED = ", ".join(f"'{topic.name}'" for topic in DERIVED_TOPICS)


class NotPromoted(Exception):
    """The tables stay as they are; the text says why."""


def unaccepted(compared: Compared, accepted: Sequence[str]) -> list[str]:
    """Names of differences that no pattern accepts. What is counted but not named is only accepted by a pattern for the
    whole table (`risk_timelines/*`)."""
    left = [one.name for one in compared.differences if not any(fnmatchcase(one.name, pattern) for pattern in accepted)]
    for table, count in compared.counts.items():
        named = sum(one.name.startswith(f"{table}/") for one in compared.differences)
        if count > named and f"{table}/*" not in accepted:
            left.append(f"{table}/* ({count - named} more)")
    return left


def promote(
    client: ClickHouse,
    plan: Plan,
    compared: Compared | None,
    accepted: Sequence[str],
    log_begins: Mapping[Place, int],
    wait_until_still: Callable[[], None],
) -> Mapping[str, Any]:
    """Exchange the tables; returns what was noted. ``compared`` may be None only where a promotion is under way;
    ``log_begins``: where the input topics begin now; ``wait_until_still`` returns when no sink writes any more.

    Raises `NotPromoted`, `StatementFailed`; after the latter the same call goes on where it was.
    """
    noted = steps(client, plan.name)
    _require_alone(client, plan.name)
    document: Mapping[str, Any]
    if (under_way := last(noted, *EXCHANGES)) is not None and under_way.step is Step.PROMOTING:
        document = under_way.document
    else:
        if compared is None:
            raise NotPromoted(f"{plan.name} was not compared; checkline replay diff {plan.name}")
        _require_promotable(plan, noted, compared, accepted)
        _require_reachable(client, plan.target, log_begins)
        _require_remembered(client, noted)
        document = {
            "accepted": list(accepted),
            "counts": dict(compared.counts),
            "supersedes": plan.as_json()["supersedes"],
            "tables": _identities(client, plan.target),
        }
        note(client, plan.name, Step.PROMOTING, document)
    wait_until_still()
    if all(_uuid(client, table) == document["tables"][table][0] for table in EXCHANGED):
        _prepare(client, plan)
    _exchange(client, plan.target, document["tables"], promoted=True)
    note(client, plan.name, Step.PROMOTED, document)
    return document


def roll_back(
    client: ClickHouse, target: Target, log_begins: Mapping[Place, int], wait_until_still: Callable[[], None]
) -> Mapping[str, Any]:
    """Exchange the tables back, also after a promotion that was interrupted; returns what was noted.

    Raises `NotPromoted` where there is nothing to be rolled back, `StatementFailed`.
    """
    noted = steps(client, target.name)
    _require_alone(client, target.name)
    at = last(noted, *EXCHANGES)
    if at is None or at.step is Step.ROLLED_BACK:
        raise NotPromoted(f"{target.name} is not promoted: there is nothing to roll back")
    if (newer := _promoted_since(steps(client), at)) is not None:
        raise NotPromoted(f"{newer} was promoted after {target.name}: roll that back first")
    promotion = last(noted, Step.PROMOTING)
    assert promotion is not None
    if at.step is not Step.ROLLING_BACK:
        if at.step is Step.PROMOTED:
            _require_reachable(client, target, log_begins)
        note(client, target.name, Step.ROLLING_BACK, promotion.document)
    wait_until_still()
    _exchange(client, target, promotion.document["tables"], promoted=False)
    note(client, target.name, Step.ROLLED_BACK, promotion.document)
    return promotion.document


def superseded(noted: Sequence[Noted]) -> dict[Place, int]:
    """Up to where the live derived topics are superseded by what was promoted: the audit begins there."""
    standing: dict[str, Noted] = {}
    for one in noted:
        if one.step is Step.PROMOTED:
            standing[one.name] = one
        elif one.step is Step.ROLLED_BACK:
            standing.pop(one.name, None)
    ends: dict[Place, int] = {}
    for one in standing.values():
        for topic, partition, end in one.document["supersedes"]:
            if topic in _LATEST:
                ends[topic, partition] = max(end, ends.get((topic, partition), 0))
    return ends


def _promoted_since(noted: Sequence[Noted], at: Noted) -> str | None:
    names = {one.name for one in noted if one.step is Step.PROMOTED and one.noted_at > at.noted_at}
    return next((name for name in sorted(names - {at.name}) if _stands(noted, name)), None)


def _stands(noted: Sequence[Noted], name: str) -> bool:
    found = last([one for one in noted if one.name == name], Step.PROMOTED, Step.ROLLED_BACK)
    return found is not None and found.step is Step.PROMOTED


def _require_promotable(plan: Plan, noted: list[Noted], compared: Compared, accepted: Sequence[str]) -> None:
    at = last(noted, Step.DONE, Step.STARTED, *EXCHANGES)
    if at is None or at.step is Step.STARTED:
        raise NotPromoted(f"{plan.name} was not run to its end: checkline replay run {plan.name}")
    if at.step is Step.PROMOTED:
        raise NotPromoted(f"{plan.name} is promoted already")
    if at.step is Step.ROLLING_BACK:
        raise NotPromoted(f"{plan.name} is being rolled back: checkline replay rollback {plan.name}")
    if at.step is Step.ROLLED_BACK:
        raise NotPromoted(f"{plan.name} was promoted and rolled back; plan a new replay")
    if not plan.whole:
        raise NotPromoted(f"{plan.name} read {plan.what}: only a replay of the whole log can stand for the live tables")
    if left := unaccepted(compared, accepted):
        shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        raise NotPromoted(f"{len(left)} differences are not accepted: {shown}; see checkline replay diff {plan.name}")


def _identities(client: ClickHouse, target: Target) -> dict[str, list[str]]:
    """{table: [identity of the live one, identity of the replay's]}"""
    return {table: [_uuid(client, table), _uuid(client, _theirs(target, table))] for table in EXCHANGED}


def _uuid(client: ClickHouse, table: str) -> str:
    database, name = table.split(".")
    query = "SELECT toString(uuid) FROM system.tables WHERE database = %(database)s AND name = %(name)s"
    rows = client.rows(query, {"database": database, "name": name})
    if not rows:
        raise NotPromoted(f"{table} is not there: checkline replay run makes the tables of a replay")
    return str(rows[0][0])


def _theirs(target: Target, table: str) -> str:
    return table.replace(OWN_DATABASE, target.database, 1)


def _require_alone(client: ClickHouse, name: str) -> None:
    """Tables change hands between two: a third would scatter them."""
    if (other := exchanging(client)) not in (None, name):
        raise NotPromoted(f"the tables of {other} are being exchanged: finish that (promote or rollback {other}) first")


def _require_remembered(client: ClickHouse, noted: list[Noted]) -> None:
    """What a worker has forgotten still stands in the tables; a replay concludes nothing of it, so it would be lost."""
    done = last(noted, Step.DONE)
    assert done is not None
    query = """
        SELECT least(
            (SELECT ifNull(toUnixTimestamp64Milli(minOrNull(opened_at)), %(as_of)s) FROM checkline.sla_clocks),
            (SELECT ifNull(toUnixTimestamp64Milli(minOrNull(arrayMin(froms))), %(as_of)s) FROM checkline.risk_timelines
             WHERE notEmpty(froms))
        )
    """
    ((oldest,),) = client.rows(query, {"as_of": done.document["as_of"]})
    days = default_policy().longest_ms // 86_400_000
    if oldest + default_policy().longest_ms < done.document["as_of"]:
        raise NotPromoted(
            f"the live tables hold clocks or timelines of more than {days} days ago; a replay has forgotten them, as a "
            "worker does, and they would be lost"
        )


def _require_reachable(client: ClickHouse, target: Target, log_begins: Mapping[Place, int]) -> None:
    """From where the tables that are to be live end, the log must still be there."""
    query = f"SELECT topic, partition, max(span_end) FROM {target.database}.ledger GROUP BY topic, partition"
    for topic, partition, end in client.rows(query):
        if log_begins.get((topic, partition), 0) > end:
            raise NotPromoted(
                f"{topic}/{partition}: these tables end at offset {end}, and retention has taken what came next; "
                "plan a new replay"
            )


def _exchange(client: ClickHouse, target: Target, tables: Mapping[str, Sequence[str]], promoted: bool) -> None:
    for table in EXCHANGED:
        theirs = _theirs(target, table)
        if {_uuid(client, table), _uuid(client, theirs)} != {*tables[table]}:
            raise NotPromoted(f"{table} and {theirs} are not the two that were to be exchanged: nothing more is done")
        if _uuid(client, table) != tables[table][1 if promoted else 0]:
            client.execute(f"EXCHANGE TABLES {table} AND {theirs}")


def _prepare(client: ClickHouse, plan: Plan) -> None:
    """Make the replay's tables fit to go on from: of the derived topics, what the live ones say. May be repeated."""
    target = plan.target
    for topic, table in _LATEST.items():
        later = " OR ".join(
            f"(partition = {partition} AND offset >= {end})"
            for (of, partition), end in sorted(plan.supersedes.items())
            if of == topic
        )
        named = ", ".join(_columns(client, table))
        client.execute(
            f"INSERT INTO {_theirs(target, table)} ({named}) SELECT {named} FROM {table} FINAL WHERE {later or '0'}"
        )
    for table in ("checkline.arrivals", "checkline.ledger"):
        theirs = _theirs(target, table)
        client.execute(f"ALTER TABLE {theirs} DELETE WHERE topic IN ({_DERIVED}) SETTINGS mutations_sync = 2")
        client.execute(f"INSERT INTO {theirs} SELECT * FROM {table} FINAL WHERE topic IN ({_DERIVED})")


def place_below(client: ClickHouse, target: Target) -> None:
    """Put the rows of the replay's tables of last words below all that a live topic will ever say. At the end of a run;
    may be repeated. Raises `StatementFailed`."""
    client.execute(f"TRUNCATE TABLE {target.databases[1]}.dead_letter_bytes")  # they stand in the live one, for 30 days
    for table in _LATEST.values():
        theirs, placed = _theirs(target, table), f"{_theirs(target, table)}_placed"
        columns = _columns(client, table)
        moved = ", ".join("toInt64(-1) AS offset" if name == "offset" else name for name in columns)
        client.execute(f"DROP TABLE IF EXISTS {placed}")
        client.execute(f"CREATE TABLE {placed} AS {theirs}")
        client.execute(
            f"INSERT INTO {placed} ({', '.join(columns)}, rank) SELECT {moved}, toUInt64(0) FROM {theirs} FINAL "
            "SETTINGS insert_allow_materialized_columns = 1"
        )
        client.execute(f"EXCHANGE TABLES {placed} AND {theirs}")
        client.execute(f"DROP TABLE {placed}")


def _columns(client: ClickHouse, table: str) -> list[str]:
    """Columns that are stored as they are given."""
    query = (
        "SELECT name FROM system.columns WHERE database = %(database)s AND table = %(table)s AND default_kind = '' "
        "ORDER BY position"
    )
    database, name = table.split(".")
    return [column for (column,) in client.rows(query, {"database": database, "table": name})]
