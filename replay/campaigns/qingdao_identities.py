"""What closes between the figures of the Qingdao conference, and what only seems to (seed 000)."""

from replay.campaigns.qingdao_figures import FIGURES
from sinks.figure_identities import Identity, Relation, Status, Term

_EQUALS = Relation.EQUALS


def _parts_of(row: str) -> tuple[Term, ...]:
    refs = [figure.ref for figure in FIGURES if figure.ref.startswith(f"{row}/")]
    return tuple(Term(ref) for ref in refs if ref != f"{row}/total")


IDENTITIES = (
    Identity(
        "A000-02/feedback",
        (Term("A000-02/dispatched"), Term("A000-02/reported-back", -1)),
        _EQUALS,
        (Term("A000-02/open"),),
        reason="feedback lags dispatch; the open leads are derived, not published",
    ),
    Identity(
        "A000-03/entries",
        (Term("A000-03/roads"), Term("A000-03/stations")),
        _EQUALS,
        (Term("A000-03/motorway-persons"),),
        Status.COINCIDENCE,
        "191.6万 + 192.0万 = 383.6万 to the last digit; the three totals may overlap",
    ),
    Identity(
        "A000-06/categories",
        _parts_of("A000-06"),
        _EQUALS,
        (Term("A000-06/total"),),
    ),
    Identity(
        "A000-07/dispositions",
        _parts_of("A000-07"),
        _EQUALS,
        (Term("A000-07/total"),),
    ),
    Identity(
        "A000-08/order",
        (Term("A000-08/disturbing-order"),),
        _EQUALS,
        (Term("A000-06/disturbing-order"),),
        reason="the same cases in another sentence",
    ),
    Identity(
        "A000-10/courts",
        (Term("A000-10/courts-heading"),),
        _EQUALS,
        (Term("A000-10/courts-text"),),
        Status.OPEN,
        "the heading says 130, the text 130余: two figures of two sentences",
    ),
)
