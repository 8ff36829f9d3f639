"""Figures and identities as people and programs read them."""

import json

import pytest

from infra.campaigning import FiguresDocument
from infra.cli.figure_tables import print_figures, print_identities
from schemas.codes import UnitOfCount
from sinks.figure_identities import Identity, Relation, Status, Term, check
from sinks.figures import ComputedFigure, Figure, _computed


def figure(ref: str, computed: int, unit: UnitOfCount = UnitOfCount.CASE) -> ComputedFigure:
    return _computed(Figure(ref, ref, ref, unit, computed, 1, False, "2020-02-20", "SELECT 1", False), computed, 1)


FIGURES = [figure("all", 3), figure("one", 1), figure("other", 2), figure("persons", 3, UnitOfCount.PERSON)]


def identity(left: tuple[str, ...], status: Status = Status.HOLDS, reason: str = "") -> Identity:
    terms = tuple(map(Term, left))
    return Identity("A000-00/" + "-".join(left), terms, Relation.EQUALS, (Term("all"),), status, reason)


def document(*identities: Identity) -> FiguresDocument:
    return FiguresDocument(FIGURES, check(identities, FIGURES))


def test_an_asserted_identity_that_does_not_close_makes_the_answer_no() -> None:
    assert document(identity(("one", "other"))).all_match
    assert not document(identity(("one",))).all_match
    assert document(identity(("one",), Status.PARTIAL, "of which")).all_match


def test_flagged_identities_are_shown_with_their_reason(capsys: pytest.CaptureFixture[str]) -> None:
    shown = document(
        identity(("one", "other")),
        identity(("one",)),
        identity(("other",), Status.PARTIAL, "of which"),
        identity(("persons",), Status.COINCIDENCE, "by chance"),
    )
    print_identities(shown.identities)
    lines = capsys.readouterr().out.splitlines()
    assert [" ".join(line.split()) for line in lines[3:]] == [
        "A000-00/one-other 1 + 2 = 3 CASE holds",
        "A000-00/one 1 = 3 CASE DOES NOT HOLD",
        "A000-00/other 2 = 3 CASE partial sum: does not close of which",
        "A000-00/persons 3 = 3 coincidence: not compared by chance; A000-00/persons: unlike units are not added: "
        "persons (人), cases (起)",
    ]


def test_a_figure_is_shown_with_its_day_and_carried_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    courts = FIGURES[0]._replace(as_of="2020-02-20T10:00:00+08:00", name_zh="130余个", lower_bound=True)
    print_figures([courts])
    header, row = capsys.readouterr().out.splitlines()
    assert header.split()[-3:] == ["claim", "as", "of"]
    assert row.split() == ["all", "all", "CASE", ">=", "3", "1", "3", "3", "yes", "holds", "2020-02-20"]
    assert (courts.as_json()["name_zh"], courts.as_json()["as_of"]) == ("130余个", "2020-02-20T10:00:00+08:00")


def test_no_identities_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_identities([])
    assert capsys.readouterr().out == ""


def test_the_document_holds_figures_and_identities() -> None:
    read = json.loads(json.dumps(document(identity(("one",), Status.OPEN, "left open")).as_json()))
    assert [row["ref"] for row in read["figures"]] == ["all", "one", "other", "persons"]
    (row,) = read["identities"]
    assert (row["status"], row["closes"], row["reason"]) == ("OPEN", False, "left open")
    assert (row["statement"], row["numbers"]) == ("one = all", "1 = 3")
