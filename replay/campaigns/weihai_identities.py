"""What closes between the figures of the Weihai yearbook, what does not, and what only seems to (seed 002)."""

from replay.campaigns.weihai_reports import STOCKS
from sinks.figure_identities import Identity, Relation, Share, Status, Term

_EQUALS, _AT_MOST = Relation.EQUALS, Relation.AT_MOST

IDENTITIES: tuple[Identity | Share, ...] = (
    Identity(
        "A002-02/parts",
        (Term("A002-02/abroad"), Term("A002-02/key-areas")),
        _EQUALS,
        (Term("A002-02/returnees"),),
        Status.PARTIAL,
        "其中: 2,100 and about 16,000 make 18,100 of 19,043; the text names no other part, and 1.6万 is rounded",
    ),
    Identity(
        "A002-04/nine-sets",
        (Term("A002-04/tests-per-set-and-day", 9),),
        _EQUALS,
        (Term("A002-04/tests-per-day"),),
        reason="the published number counts the nine sets of 96 channels",
    ),
    Identity(
        "A002-04/ten-sets",
        (Term("A002-04/tests-per-set-and-day", 10),),
        _EQUALS,
        (Term("A002-04/tests-per-day"),),
        Status.OPEN,
        "每台(套) would include the rapid set of 16 channels: 10 x 800 = 8,000",
    ),
    Share("A002-05/rate", "A002-05/vaccinated", "A002-05/staff", "A002-05/rate"),
    Identity(
        "A002-06/persons",
        (Term("A002-06/followed-up"),),
        _EQUALS,
        (Term("A002-29/followed-up"),),
        Status.OPEN,
        "38,340 person-times of the police and 24,449 persons of the stability section: another unit and scope, never"
        " reconciled",
    ),
    Identity(
        "A002-10/inbound-tested",
        (Term("A002-10/point-to-point"),),
        _EQUALS,
        (Term("A002-02/abroad"),),
        Status.OPEN,
        "different populations: pushed point to point, tested after entry outside the province",
    ),
    Identity(
        "A002-26/inbound-found",
        (Term("A002-26/foreigners"),),
        _AT_MOST,
        (Term("A002-29/inbound"),),
        Status.OPEN,
        "different populations: foreigners received by foreign affairs, inbound persons found for social stability",
    ),
    Identity(
        "A002-11/unlicensed",
        (Term("A002-11/unlicensed"),),
        _AT_MOST,
        (Term("A002-11/vessel-cases"),),
        Status.OPEN,
        "the text does not say whether the 9 are among the 26: 26 cases in all, or 35",
    ),
    Identity(
        "A002-12/difference",
        (Term("A002-06/followed-up"),),
        _AT_MOST,
        (Term("A002-12/registered"),),
        Status.COINCIDENCE,
        "follow-ups are no part of the registrations: that 82,340 - 38,340 is 44,000 to the last digit means nothing",
    ),
    Identity(
        "A002-18/passes",
        (Term("A002-18/cold-chain"), Term("A002-18/container")),
        _EQUALS,
        (Term("A002-17/passes"),),
        Status.COINCIDENCE,
        "12 + 33 firms are as many as 45 passes, which went to other firms",
    ),
    Identity(
        "A002-19/open-estates",
        (Term("A002-19/open-estates"),),
        _AT_MOST,
        (Term("A002-19/estates"),),
        Status.OPEN,
        "read as 72 of the 132; the sentence can be read as 72 besides",
    ),
    *(
        Identity(
            f"A002-28/{stock.item}",
            (Term(f"A002-28/{stock.item}-received"), Term(f"A002-28/{stock.item}-issued", -1)),
            _EQUALS,
            (Term(f"A002-28/{stock.item}-in-stock"),),
            reason="what was received and not issued is in stock",
        )
        for stock in STOCKS
    ),
    Identity(
        "A002-32/problems",
        (Term("A002-32/solved-on-site"), Term("A002-32/notices")),
        _EQUALS,
        (Term("A002-32/problems"),),
        reason="each problem was solved on the spot or followed by a notice",
    ),
)
