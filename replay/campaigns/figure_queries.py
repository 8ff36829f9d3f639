"""Queries of figures that campaigns share. A campaign's own sources share a prefix, so that figures stay its own."""

from datetime import UTC, datetime

from replay.campaigns.published import Published, reported_figure
from schemas.codes import UnitOfCount
from sinks.figures import Figure


def moment(time: int) -> str:
    """A time as ClickHouse reads it; UTC milliseconds, whole seconds."""
    text = datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"toDateTime64('{text}', 3, 'UTC')"


def counted(table: str, what: str, source: str, condition: str, before: int) -> str:
    """``what`` over the valid events of one source (``dz-%``: of all whose names begin so) before a time."""
    told = f"source LIKE '{source}'" if "%" in source else f"source = '{source}'"
    return f"SELECT {what} FROM checkline.valid_{table} WHERE {told} AND {condition} AND occurred_at < {moment(before)}"


def in_force(what: str, source: str, condition: str, at: int) -> str:
    """``what`` over the entities of a registry as announced by a time, each in its newest version, valid then."""
    versions = (
        "SELECT * FROM checkline.valid_reference"
        f" WHERE source = '{source}' AND {condition} AND sent_at <= {moment(at)}"
        " ORDER BY sent_at DESC LIMIT 1 BY entity_id"
    )
    valid = f"ifNull(valid_from, sent_at) <= {moment(at)} AND (valid_until IS NULL OR valid_until > {moment(at)})"
    return f"SELECT {what} FROM ({versions}) WHERE {valid}"


def exact(ref: str, english: str, chinese: str, unit: UnitOfCount, published: int, as_of: str, query: str) -> Figure:
    """A figure that the document neither rounds nor bounds, whole at any scale."""
    return Figure(ref, english, chinese, unit, published, 1, False, as_of, query, False)


def reported_as_of(published: Published, as_of: str, until: int) -> Figure:
    """The last word of a unit on a period that ended by ``until``, UTC milliseconds: later reports are of later days,
    and leave what was published as it is (T9)."""
    value = "if(kind = 'ZERO_REPORT', 0, ifNull(value, 0))"
    query = (
        f"SELECT argMaxOrNull({value}, (period_until, occurred_at, sent_at, content)) FROM checkline.valid_reports"
        f" WHERE unit_id = '{published.unit}' AND indicator = '{published.indicator}'"
        f" AND kind IN ('INDICATOR', 'ZERO_REPORT') AND period_until <= {moment(until)}"
    )
    return reported_figure(published, as_of)._replace(query=query)
