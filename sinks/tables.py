"""Which topic goes to which tables, and what of it is counted."""

from typing import NamedTuple

import polars as pl

from schemas import topics
from schemas.registry import Registry

NOTHING = bytes(16)
"""In place of an identity or a content that a record does not have."""


class EventTable(NamedTuple):
    """Table of an input topic. ``site`` and ``measure`` are SQL: what its cells are counted by; None: not counted."""

    topic: str
    name: str
    key: str
    site: str | None
    measure: str | None


class DerivedTable(NamedTuple):
    """Table of a derived topic: {its column: column of the decoded frame}, and which rows it takes."""

    name: str
    columns: dict[str, str]
    rows: pl.Expr | None = None


def _stated(column: str) -> str:
    return f"if({column} = 'NOT_STATED', '', toString({column}))"


EVENT_TABLES = {
    table.topic: table
    for table in (
        EventTable(
            topics.CHECK_INS.name,
            "checkline.check_ins",
            "token",
            "ifNull(site, '')",
            "concat(toString(subject_kind), '/', toString(site_kind))",
        ),
        EventTable(
            topics.TEMPERATURES.name,
            "checkline.temperatures",
            "token",
            "ifNull(site, '')",
            "toString(site_kind)",
        ),
        EventTable(topics.FOLLOW_UPS.name, "checkline.follow_ups", "token", "ifNull(unit, '')", _stated("lead_source")),
        EventTable(
            topics.ENFORCEMENT.name,
            "checkline.enforcement",
            "case_id",
            "ifNull(unit, '')",
            f"if(category != 'NOT_STATED', toString(category), {_stated('disposition')})",
        ),
        EventTable(topics.REPORTS.name, "checkline.reports", "unit_id", "unit_id", "ifNull(indicator, '')"),
        EventTable(topics.REFERENCE.name, "checkline.reference", "entity_id", "''", "''"),
        # Analysts see the cells, and nothing of urgent care.
        EventTable(topics.URGENT_CARE.name, "checkline_restricted.urgent_care", "token", None, None),
    )
}

_RECORD = {"appended_at": "appended_at", "content": "content", "partition": "partition", "offset": "offset"}
_CLOCK_FIELDS = (
    *("as_of", "token", "lead_id", "deadline_class", "opened_at", "due_at"),
    *("done_at", "withdrawn_at", "policy", "evidence", "subject", "duty", "before_due"),
)
_URGENT_CLOCK_FIELDS = (
    *("as_of", "token", "need", "duty", "opened_at"),
    *("due_at", "before_due", "done_at", "policy", "evidence"),
)
_LETTER = {"letter_partition": "letter_partition", "letter_offset": "letter_offset"}
_RETRIED = pl.col("retried_at").is_not_null()
"""Records of the dead letters' topic that say what was published again: no dead letters themselves."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


DERIVED_TABLES = {
    topics.RISK_CHANGES.name: (
        DerivedTable(
            "checkline.risk_timelines",
            {
                "token": "key",
                **_same("as_of", "levels", "froms", "untils", "rules", "policies", "evidence"),
                **_RECORD,
            },
        ),
    ),
    topics.SLA_EVENTS.name: (
        DerivedTable(
            "checkline.sla_clocks", {"clock_id": "key", **_same(*_CLOCK_FIELDS), **_RECORD}, pl.col("kind") == "CLOCK"
        ),
        DerivedTable(
            "checkline.sla_notices",
            {"clock_id": "key", **_same("kind", *_CLOCK_FIELDS), **_RECORD},
            pl.col("kind") != "CLOCK",
        ),
    ),
    topics.URGENT_CLOCKS.name: (
        DerivedTable(
            "checkline_restricted.urgent_clocks",
            {"clock_id": "key", **_same(*_URGENT_CLOCK_FIELDS), **_RECORD},
            pl.col("kind") == "CLOCK",
        ),
        DerivedTable(
            "checkline_restricted.urgent_notices",
            {"clock_id": "key", **_same("kind", *_URGENT_CLOCK_FIELDS), **_RECORD},
            pl.col("kind") != "CLOCK",
        ),
    ),
    topics.DEAD_LETTERS.name: (
        DerivedTable(
            "checkline.dead_letters",
            {
                **_same("topic", "partition", "offset", "appended_at", "reason", "field", "detail"),
                **_same("schema_id", "owner", "content", "source", "source_hash", "sequence", "identity"),
                **_LETTER,
            },
            ~_RETRIED,
        ),
        DerivedTable(
            "checkline_restricted.dead_letter_bytes",
            {**_same("topic", "partition", "offset", "owner", "record_key", "record_value"), **_LETTER},
            ~_RETRIED,
        ),
        DerivedTable(
            "checkline.dead_letter_retries",
            {
                **_same("topic", "partition", "offset", "retried_at", "retried_by"),
                **_same("retried_topic", "retried_partition", "retried_offset", "corrected"),
                **_LETTER,
            },
            _RETRIED,
        ),
    ),
}


def event_columns(registry: Registry, table: EventTable) -> dict[str, str]:
    """{column of an event table: column of the frame of its rows}."""
    fields = [shape.name for shape in registry.latest(table.topic).shapes]
    return {table.key: "key", **_same(*fields, "hour", "appended_at", "identity", "content", "partition", "offset")}
