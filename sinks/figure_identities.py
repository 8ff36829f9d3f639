"""Identities between published figures: those that must close, and those that nobody may assert, with the reason.

Units never add up with one another (T4). What a document rounds (万) or bounds (余, 多) is an interval, and an identity
closes when the intervals of both sides allow it (T5).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from schemas.codes import UnitOfCount
from sinks.figures import BadFigure, ComputedFigure


class UnlikeUnits(BadFigure):
    """Figures of different units were to be added or compared; the text names them."""


class Relation(StrEnum):
    """What is said of the two sides of an identity."""

    EQUALS = "="
    AT_MOST = "<="


class Status(StrEnum):
    """HOLDS is asserted. The others are shown and never asserted: PARTIAL (parts "of which", 其中, need not make up the
    whole), OPEN (the document leaves it open), COINCIDENCE (it closes, and means nothing)."""

    HOLDS = "HOLDS"
    PARTIAL = "PARTIAL"
    OPEN = "OPEN"
    COINCIDENCE = "COINCIDENCE"


class Term(NamedTuple):
    """A figure by its reference, times a bare number that has no unit."""

    ref: str
    factor: int = 1


class Identity(NamedTuple):
    """``left`` and ``right`` are sums of figures. ``reason``: why it is not asserted, or what the document says."""

    ref: str
    left: tuple[Term, ...]
    relation: Relation
    right: tuple[Term, ...]
    status: Status = Status.HOLDS
    reason: str = ""


RATES = {UnitOfCount.PERCENT.value: 100, UnitOfCount.BASIS_POINT.value: 10_000}
"""Units of rates: how many make a whole."""


class Share(NamedTuple):
    """``part`` of ``whole`` is the rate ``share``, in per cent or in hundredths of one."""

    ref: str
    part: str
    whole: str
    share: str
    status: Status = Status.HOLDS
    reason: str = ""


class CheckedIdentity(NamedTuple):
    """An identity over computed figures. ``closes`` is None where nothing may be said: a figure is missing or scaled,
    or, for what is not asserted, the units differ."""

    ref: str
    statement: str
    numbers: str
    unit: str
    status: str
    closes: bool | None
    reason: str

    @property
    def fails(self) -> bool:
        """Whether something asserted is not so."""
        return self.status == Status.HOLDS and self.closes is False

    def as_json(self) -> dict[str, Any]:
        """The row of the figures document."""
        return self._asdict()


class _Between(NamedTuple):
    low: float
    high: float

    def times(self, factor: int) -> "_Between":
        return _Between(*sorted((self.low * factor, self.high * factor)))


def check(identities: Iterable[Identity | Share], computed: Sequence[ComputedFigure]) -> list[CheckedIdentity]:
    """Every identity over the figures of a run. A figure without a number is silence, and silence makes no sum.

    Raises `UnlikeUnits` where units do not go together and the identity is asserted or a partial sum, `BadFigure` for a
    reference to no figure.
    """
    figures = {figure.ref: figure for figure in computed}
    return [_checked_share(one, figures) if isinstance(one, Share) else _checked(one, figures) for one in identities]


def _checked(identity: Identity, figures: Mapping[str, ComputedFigure]) -> CheckedIdentity:
    sides = [[(_known(term.ref, identity.ref, figures), term.factor) for term in side] for side in identity[1:4:2]]
    terms = [term for side in sides for term in side]
    statement = f" {identity.relation} ".join(
        _text([(figure.ref, factor) for figure, factor in side]) for side in sides
    )
    numbers = f" {identity.relation} ".join(
        _text([(_number(figure), factor) for figure, factor in side]) for side in sides
    )
    closes, unit, reason = None, "", identity.reason
    try:
        unit = common_unit([figure for figure, _ in terms], identity.ref)
        if all(_says_something(figure) for figure, _ in terms):
            left, right = (_sum([(_interval(figure), factor) for figure, factor in side]) for side in sides)
            closes = left.low <= right.high and (identity.relation is Relation.AT_MOST or right.low <= left.high)
        elif identity.status is Status.HOLDS and any(figure.computed is None for figure, _ in terms):
            closes = False
    except UnlikeUnits as unlike:
        if identity.status in (Status.HOLDS, Status.PARTIAL):
            raise
        reason = "; ".join(filter(None, (reason, str(unlike))))
    return CheckedIdentity(identity.ref, statement, numbers, unit, identity.status.value, closes, reason)


def _checked_share(identity: Share, figures: Mapping[str, ComputedFigure]) -> CheckedIdentity:
    part, whole, share = (_known(ref, identity.ref, figures) for ref in identity[1:4])
    unit = common_unit([part, whole], identity.ref)
    if share.unit not in RATES:
        raise UnlikeUnits(f"{identity.ref}: {share.ref} is in {share.unit}, a rate is in {' or '.join(RATES)}")
    whole_rate = RATES[share.unit]
    closes = None
    if all(_says_something(figure) for figure in (part, whole, share)):
        of_part, of_whole, of_share = _interval(part), _interval(whole), _interval(share)
        half = 0 if share.precision > 1 else 0.5  # an exact rate is still rounded to its last place
        low = of_part.low * whole_rate / of_whole.high
        high = of_part.high * whole_rate / of_whole.low if of_whole.low else math.inf
        closes = low <= of_share.high + half and of_share.low - half <= high
    return CheckedIdentity(
        identity.ref,
        f"{part.ref} / {whole.ref} = {share.ref}",
        f"{_number(part)} / {_number(whole)} = {_number(share)} / {whole_rate}",
        unit,
        identity.status.value,
        closes,
        identity.reason,
    )


def common_unit(figures: Sequence[ComputedFigure], what: str) -> str:
    """The unit of all figures. Raises `UnlikeUnits`: persons, person-times, cases and items never add up (T4)."""
    units = list(dict.fromkeys(figure.unit for figure in figures))
    if len(units) > 1:
        named = ", ".join(f"{UnitOfCount[unit].english} ({UnitOfCount[unit].chinese})" for unit in units)
        raise UnlikeUnits(f"{what}: unlike units are not added: {named}")
    return units[0]


def _known(ref: str, identity: str, figures: Mapping[str, ComputedFigure]) -> ComputedFigure:
    try:
        return figures[ref]
    except KeyError:
        raise BadFigure(f"{identity}: there is no figure {ref}") from None


def _says_something(figure: ComputedFigure) -> bool:
    return figure.computed is not None and figure.scale == 1


def _interval(figure: ComputedFigure) -> _Between:
    """What the document's number may mean: itself, its rounding, or anything from it on."""
    assert figure.computed is not None
    if figure.lower_bound:
        return _Between(figure.computed, math.inf)
    half = figure.precision / 2 if figure.precision > 1 else 0
    return _Between(figure.computed - half, figure.computed + half)


def _sum(terms: Sequence[tuple[_Between, int]]) -> _Between:
    parts = [between.times(factor) for between, factor in terms]
    return _Between(sum(part.low for part in parts), sum(part.high for part in parts))


def _number(figure: ComputedFigure) -> str:
    if figure.computed is None:
        return "nothing"
    return f"{'>=' if figure.lower_bound else '~' if figure.precision > 1 else ''}{figure.computed}"


def _text(terms: Sequence[tuple[str, int]]) -> str:
    text = ""
    for name, factor in terms:
        sign = "-" if factor < 0 else "+"
        times = f"{abs(factor)} x " if abs(factor) != 1 else ""
        text += f" {sign} {times}{name}" if text else f"{'-' if factor < 0 else ''}{times}{name}"
    return text
