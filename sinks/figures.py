"""Published figures: a query with a unit, a precision and an as-of, what it gives now, and the proof behind it."""

import math
import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from schemas import topics
from schemas.codes import UnitOfCount
from sinks.clickhouse import ClickHouse
from sinks.tables import EVENT_TABLES
from sinks.view_sources import NAME, holds_every_topic, topics_behind

_QUOTED = re.compile(r"'([^']*)'")
_COUNTED = tuple(table.topic for table in EVENT_TABLES.values() if table.site is not None)


class BadFigure(Exception):
    """A figure's query does not give one number, or reads nothing that has a proof; the text names the figure."""


class Figure(NamedTuple):
    """A figure as a document published it, and the query that must give it again.

    ``ref``: row id of the source (`A000-06`). ``name_zh``: its words in the source, or close to them (T13).
    ``published`` in base units (2.9万 is 29000), ``rounded_to``: what it was rounded to (1: exact), ``lower_bound``:
    "more than" (余). ``as_of``: the day it speaks of (T9). ``scaled``: a run at a smaller scale generates a part of it.
    """

    ref: str
    name_en: str
    name_zh: str
    unit: UnitOfCount
    published: int
    rounded_to: int
    lower_bound: bool
    as_of: str
    query: str
    scaled: bool


class ComputedFigure(NamedTuple):
    """A figure beside what its query gives. ``matches``: computed = expected. ``holds``: the published figure is
    reproduced; None where the run is scaled and so claims nothing about it. ``computed`` is None where the query finds
    nothing: silence is not zero."""

    ref: str
    name: str
    unit: str
    published: int
    scale: float
    expected: int
    computed: int | None
    matches: bool
    holds: bool | None
    precision: int
    lower_bound: bool
    as_of: str
    name_zh: str

    def as_json(self) -> dict[str, Any]:
        """The row of the figures document."""
        return self._asdict()


class ProvenSpan(NamedTuple):
    """A block of the log behind a figure, as the ledger has it; ``digest``: 32 hexadecimal digits."""

    topic: str
    partition: int
    begin: int
    end: int
    stored: int
    refused: int
    digest: str
    recounted: bool


def expected_at(published: int, scale: float) -> int:
    """What a run at a scale must give: the published number times the scale, halves up."""
    return math.floor(Fraction(published) * Fraction(str(scale)) + Fraction(1, 2))


def compute(client: ClickHouse, figures: Iterable[Figure], scale: float = 1) -> list[ComputedFigure]:
    """What each figure's query gives now. ``scale``: that of the run, for the figures that are scaled.

    Raises `BadFigure`, `StatementFailed`.
    """
    return [_computed(figure, _number(client, figure), scale if figure.scaled else 1) for figure in figures]


def _number(client: ClickHouse, figure: Figure) -> int | None:
    rows = client.rows(figure.query)
    if not rows:
        return None
    if len(rows) > 1 or len(rows[0]) != 1 or not isinstance(rows[0][0], int | None):
        raise BadFigure(f"{figure.ref} ({figure.name_en}): the query must give one whole number, it gives {rows[:2]}")
    number: int | None = rows[0][0]
    return number


def _computed(figure: Figure, number: int | None, scale: float) -> ComputedFigure:
    expected = expected_at(figure.published, scale)
    return ComputedFigure(
        ref=figure.ref,
        name=figure.name_en,
        unit=figure.unit.value,
        published=figure.published,
        scale=scale,
        expected=expected,
        computed=number,
        matches=number == expected,
        holds=_reproduces(figure, number) if scale == 1 else None,
        precision=figure.rounded_to,
        lower_bound=figure.lower_bound,
        as_of=figure.as_of,
        name_zh=figure.name_zh,
    )


def _reproduces(figure: Figure, number: int | None) -> bool:
    if number is None:
        return False
    if figure.lower_bound:
        return number >= figure.published
    return (number + figure.rounded_to // 2) // figure.rounded_to * figure.rounded_to == figure.published


def topics_read(query: str) -> list[str]:
    """Topics whose records a query counts. Raises `BadFigure` for a table or view that no topic fills."""
    found: dict[str, None] = {}
    named = [text for text in _QUOTED.findall(query) if text in topics.BY_NAME]
    for name in NAME.findall(query):
        behind = (named or _COUNTED) if holds_every_topic(name) else topics_behind(name)
        if not behind:
            raise BadFigure(f"checkline.{name} is not filled from a topic: a figure needs a proof in the ledger")
        found.update(dict.fromkeys(behind))
    if not found:
        raise BadFigure("the query reads no table of checkline: a figure needs a proof in the ledger")
    return list(found)


def proof(client: ClickHouse, figure: Figure) -> Sequence[ProvenSpan]:
    """The blocks behind a figure: all that the ledger holds of the topics that its query reads.

    Raises `BadFigure`, `StatementFailed`.
    """
    query = """
        SELECT topic, partition, span_begin, span_end, stored, refused, digest, recounted
        FROM checkline.ledger FINAL
        WHERE topic IN %(topics)s
        ORDER BY topic, partition, span_begin, span_end
    """
    rows = client.rows(query, {"topics": tuple(topics_read(figure.query))})
    return [
        ProvenSpan(topic, partition, begin, end, stored, refused, f"{digest:032x}", bool(recounted))
        for topic, partition, begin, end, stored, refused, digest, recounted in rows
    ]
