"""What closes between figures, what is only flagged, and what may not be added at all (T4, T5)."""

import pytest

from schemas.codes import UnitOfCount
from sinks.figure_identities import Identity, Relation, Share, Status, Term, UnlikeUnits, check
from sinks.figures import BadFigure, ComputedFigure, Figure, _computed

_U = UnitOfCount


def figure(
    ref: str, value: int | None, unit: UnitOfCount = _U.CASE, rounded_to: int = 1, lower_bound: bool = False
) -> ComputedFigure:
    """A figure whose query gives what was published."""
    published = value if value is not None else 0
    made = Figure(ref, ref, ref, unit, published, rounded_to, lower_bound, "2020-02-20", "SELECT 1", False)
    return _computed(made, value, 1)


def identity(left: str, right: str, relation: Relation = Relation.EQUALS, **stated: object) -> Identity:
    """``left`` and ``right``: references, one that is taken away with a minus before it."""

    def terms(text: str) -> tuple[Term, ...]:
        return tuple(Term(ref.removeprefix("-"), -1 if ref.startswith("-") else 1) for ref in text.split())

    return Identity("A000-00/test", terms(left), relation, terms(right), **stated)  # type: ignore[arg-type]


def closes(one: Identity | Share, *figures: ComputedFigure) -> bool | None:
    return check([one], figures)[0].closes


def test_a_sum_closes_when_its_parts_make_up_the_whole() -> None:
    parts = [figure(ref, value) for ref, value in (("a", 68), ("b", 59), ("whole", 127))]
    assert closes(identity("a b", "whole"), *parts) is True
    assert closes(identity("whole -a", "b"), *parts) is True
    assert closes(identity("a", "whole"), *parts) is False
    assert closes(identity("a", "whole", Relation.AT_MOST), *parts) is True
    assert closes(identity("whole", "a", Relation.AT_MOST), *parts) is False


def test_an_asserted_identity_that_does_not_close_fails_and_a_flagged_one_never_does() -> None:
    figures = [figure("a", 1), figure("b", 2)]
    failing = {status: check([identity("a", "b", status=status)], figures)[0].fails for status in Status}
    assert failing == {Status.HOLDS: True, Status.PARTIAL: False, Status.OPEN: False, Status.COINCIDENCE: False}


@pytest.mark.parametrize("status", [Status.HOLDS, Status.PARTIAL])
def test_t4_adding_persons_to_person_times_is_an_error(status: Status) -> None:
    figures = [
        figure("roads", 1_916_000, _U.PERSON),
        figure("stations", 1_920_000, _U.PERSON_TIME),
        figure("motorway", 3_836_000, _U.PERSON_TIME),
    ]
    with pytest.raises(UnlikeUnits, match=r"persons \(人\), person-times \(人次\)"):
        check([identity("roads stations", "motorway", status=status)], figures)


def test_t4_a_coincidence_of_unlike_units_is_shown_with_its_reason_and_never_added() -> None:
    figures = [figure("roads", 1_916_000, _U.PERSON), figure("motorway", 1_916_000, _U.PERSON_TIME)]
    (checked,) = check([identity("roads", "motorway", status=Status.COINCIDENCE, reason="by chance")], figures)
    assert (checked.closes, checked.fails, checked.unit) == (None, False, "")
    assert checked.reason.startswith("by chance; ")
    assert "unlike units" in checked.reason


def test_t5_rounded_figures_close_within_their_rounding_and_no_further() -> None:
    """19043 tests, of them 2100 and 1.6万: rounding leaves 443 to 1442 that the text does not account for."""
    figures = [
        figure("abroad", 2100, _U.PERSON_TIME),
        figure("risk-areas", 16_000, _U.PERSON_TIME, rounded_to=1000),
        figure("all", 19_043, _U.PERSON_TIME),
        figure("nearly", 18_600, _U.PERSON_TIME),
    ]
    assert closes(identity("abroad risk-areas", "all", status=Status.PARTIAL), *figures) is False
    assert closes(identity("abroad risk-areas", "nearly"), *figures) is True


def test_t5_a_lower_bound_leaves_everything_above_it_open() -> None:
    heading, text = figure("heading", 130, _U.PIECE), figure("text", 130, _U.PIECE, lower_bound=True)
    assert closes(identity("heading", "text"), heading, text) is True
    assert closes(identity("heading", "text"), figure("heading", 131, _U.PIECE), text) is True
    assert closes(identity("heading", "text"), figure("heading", 129, _U.PIECE), text) is False


def test_a_bare_number_multiplies_a_figure() -> None:
    """Nine sets of 96 channels at 800 a day; with the tenth set it would be 8000."""
    figures = [figure("set", 800, _U.SAMPLE), figure("day", 7200, _U.SAMPLE)]
    nine, ten = (Identity("x", (Term("set", sets),), Relation.EQUALS, (Term("day"),)) for sets in (9, 10))
    assert [one.closes for one in check([nine, ten], figures)] == [True, False]
    assert check([nine], figures)[0].numbers == "9 x 800 = 7200"


def test_a_share_closes_to_its_last_place() -> None:
    part, whole = figure("part", 429, _U.PERSON), figure("whole", 711, _U.PERSON)
    share = Share("x", "part", "whole", "share")
    assert closes(share, part, whole, figure("share", 6034, _U.BASIS_POINT)) is True
    assert closes(share, part, whole, figure("share", 6033, _U.BASIS_POINT)) is False
    assert closes(share, part, whole, figure("share", 60, _U.PERCENT)) is True
    assert closes(share, part, whole, figure("share", 61, _U.PERCENT)) is False
    with pytest.raises(UnlikeUnits):
        check([share], [part, figure("whole", 711, _U.PERSON_TIME), figure("share", 6034, _U.BASIS_POINT)])
    with pytest.raises(UnlikeUnits):
        check([share], [part, whole, figure("share", 6034, _U.PERSON)])


def test_nothing_is_said_of_scaled_figures_and_silence_never_closes() -> None:
    scaled = figure("a", 10)._replace(scale=0.01)
    assert closes(identity("a", "b"), scaled, figure("b", 11)) is None
    assert closes(identity("a", "b"), figure("a", None), figure("b", 0)) is False


def test_a_figure_that_is_not_there_is_an_error() -> None:
    with pytest.raises(BadFigure, match="there is no figure b"):
        check([identity("a", "b")], [figure("a", 1)])
