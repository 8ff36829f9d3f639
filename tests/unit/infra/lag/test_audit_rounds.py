"""Which comparison is looked at next, and how long the audit rests."""

import pytest

from infra.lag.audit_rounds import COMPARISONS, Comparison, Parts, Seen, due, parts_of
from infra.lag.audit_state import pause_seconds
from sinks.findings import Finding


def nothing(*_: object) -> tuple[Finding, ...]:
    return ()


CHEAP = Comparison("cheap", "coverage", ("ledger",), nothing, always=True)
EVENTS = Comparison("events", "rows", ("events", "ledger"), nothing)
CELLS = Comparison("cells", "cells", ("cells",), nothing)
ALL = (CHEAP, EVENTS, CELLS)

STAND = {"ledger": Parts("1", ""), "events": Parts("1", ""), "cells": Parts("1", "")}
FOUND = Finding("cells", "cells", "check-ins", 0, 0, 0, "", "says 1, its event rows say 0", "count again")


def seen_in(round_of_events: int, round_of_cells: int, *findings: Finding) -> dict[str, Seen]:
    return {
        "events": Seen(round_of_events, (), parts_of(EVENTS, STAND)),
        "cells": Seen(round_of_cells, findings, parts_of(CELLS, STAND)),
    }


def test_what_did_not_change_is_not_looked_at_again() -> None:
    assert due(ALL, seen_in(1, 2), STAND) == ([CHEAP], [])


def test_at_first_everything_is_looked_at() -> None:
    assert due(ALL, {}, STAND) == ([CHEAP], [EVENTS, CELLS])


def test_what_changed_takes_turns_the_longest_waiting_first() -> None:
    flowing = {table: Parts("2", "") for table in STAND}
    assert due(ALL, seen_in(1, 2), flowing)[1] == [EVENTS, CELLS]
    assert due(ALL, seen_in(4, 3), flowing)[1] == [CELLS, EVENTS]


def test_rows_that_were_deleted_or_altered_are_looked_at_first() -> None:
    flowing = {table: Parts("2", "") for table in STAND}
    assert due(ALL, seen_in(1, 2), flowing | {"cells": Parts("2", "1 mutation")})[1] == [CELLS, EVENTS]


def test_what_was_found_is_looked_at_until_it_is_gone() -> None:
    assert due(ALL, seen_in(1, 2, FOUND), STAND)[1] == [CELLS]


def test_a_table_whose_parts_are_not_known_is_never_taken_to_have_stayed() -> None:
    elsewhere = {table: parts for table, parts in STAND.items() if table != "cells"}
    seen = seen_in(1, 2) | {"cells": Seen(2, (), parts_of(CELLS, elsewhere))}
    assert due(ALL, seen, elsewhere)[1] == [CELLS]


def test_every_check_of_the_audit_has_its_comparisons() -> None:
    names = [one.name for one in COMPARISONS]
    assert len(names) == len({*names})
    checks = {"coverage", "recount", "rows", "digest", "beyond", "conflicts", "identities", "cells"}
    assert {one.check for one in COMPARISONS} == checks


@pytest.mark.parametrize(("worked", "share", "rest"), [(1.0, 0.1, 9.0), (0.5, 0.5, 0.5), (3.0, 1.0, 0.0)])
def test_the_audit_rests_so_long_that_it_keeps_to_its_share(worked: float, share: float, rest: float) -> None:
    assert pause_seconds(worked, share) == pytest.approx(rest)
