"""What a repair plans, and the statements it deletes with, without an engine."""

from collections.abc import Sequence
from typing import Any

from schemas.registry import default_registry
from sinks.blocks import Span
from sinks.clickhouse import Address, ClickHouse
from sinks.findings import Finding
from sinks.migrations import Cluster
from sinks.repair import POSITIONS_AT_ONCE, STATEMENT_BYTES, delete_statement, plan, together
from sinks.rereading import Exactly, Reading, Stays, decode, literal, readable, tables_of
from tests.unit.sinks.log import NOON, PARTITIONS, PERSONS, Gate, Log

PLACE = ("check-ins", 2)


class Ledger(ClickHouse):
    """A column store that knows the spans of its ledger only."""

    def __init__(self, *spans: Span) -> None:
        super().__init__(Address("127.0.0.1", 1, "nobody", ""))
        self._spans = spans

    def rows(self, query: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        assert "checkline.ledger" in query
        return [tuple(span) for span in self._spans]


BLOCKS = Ledger(Span(*PLACE, 0, 10), Span(*PLACE, 10, 30))


def finding(check: str, begin: int, end: int) -> Finding:
    return Finding(check, "checkline.check_ins", *PLACE, begin, end, "", "differs", "mend it")


def ranges(*findings: Finding, begins: int = 0) -> Sequence[Span]:
    return list(plan(BLOCKS, findings, {PLACE: begins}).ranges)


def test_a_row_is_mended_with_the_block_it_came_in() -> None:
    assert ranges(finding("rows", 12, 13), finding("log", 29, 30)) == [Span(*PLACE, 10, 30)]
    assert ranges(finding("log", 9, 10), finding("log", 10, 11)) == [Span(*PLACE, 0, 10), Span(*PLACE, 10, 30)]


def test_a_gap_is_filled_with_blocks_of_limited_size() -> None:
    assert ranges(finding("coverage", 30, 40)) == [Span(*PLACE, 30, 40)]
    found = ranges(finding("coverage", 30, 30 + 2 * POSITIONS_AT_ONCE + 1))
    assert [span.end - span.begin for span in found] == [POSITIONS_AT_ONCE, POSITIONS_AT_ONCE, 1]


def test_what_the_log_no_longer_holds_is_lost_and_not_tried() -> None:
    planned = plan(BLOCKS, [finding("rows", 3, 4), finding("rows", 12, 13)], {PLACE: 5})
    assert list(planned.lost) == [Span(*PLACE, 0, 10)]
    assert list(planned.ranges) == [Span(*PLACE, 10, 30)]


def test_what_is_in_no_block_or_has_no_position_is_mended_apart() -> None:
    others = [finding("cells", 0, 0), finding("beyond", 99, 100), finding("rows", 77, 78)]
    planned = plan(BLOCKS, others, {})
    assert (planned.ranges, planned.others) == ({}, others)


def test_rows_are_deleted_on_all_replicas_of_a_cluster_before_the_statement_returns() -> None:
    assert delete_statement("checkline.cells", "value = 1") == (
        "ALTER TABLE checkline.cells DELETE WHERE value = 1 SETTINGS mutations_sync = 2"
    )
    assert delete_statement("checkline.cells", "value = 1", Cluster("main")) == (
        "ALTER TABLE checkline.cells_local ON CLUSTER `main` DELETE WHERE value = 1 SETTINGS mutations_sync = 2"
    )


def test_a_range_that_ends_inside_a_batch_is_cut_there() -> None:
    log = Log()
    log.publish(*(Gate(f"gate-{number}").passage(PERSONS[0]) for number in range(5)))
    place = log.place_of("check-ins", PERSONS[0].encode())
    span = Span(*place, 0, 3)
    decoded = decode(Reading(default_registry(), PARTITIONS), span, log.batches[place])
    [block] = decoded.rows.blocks
    assert (block.span, block.stored, block.hours) == (span, 3, [NOON])
    assert [row["offset"] for row in decoded.expected["checkline.check_ins"]] == [0, 1, 2]
    assert [row["offset"] for row in decoded.expected["checkline.arrivals"]] == [0, 1, 2]
    [(_, frame)] = decoded.rows.tables
    assert frame["offset"].to_list() == [0, 1, 2]


def test_every_table_with_positions_is_among_those_of_its_topic() -> None:
    assert [table.name for table in tables_of("sla-events")] == [
        "checkline.sla_clocks",
        "checkline.sla_notices",
        "checkline.arrivals",
    ]
    assert {table.stays for table in tables_of("urgent-care")} == {Stays.FIRST, Stays.EACH}
    assert all(table.offset == "letter_offset" for table in tables_of("dead-letters")[:-1])


def test_a_text_in_a_statement_cannot_end_it() -> None:
    assert literal("a'", "String") == "'\\x61\\x27'"
    assert literal(b"PASSAGE", "Enum8('PASSAGE' = 1)") == "'PASSAGE'"
    assert literal(NOON, "DateTime('UTC')") == str(NOON // 1000)
    assert readable("froms", "Array(DateTime64(3, 'UTC'))").startswith("arrayMap(")


def test_many_rows_are_deleted_by_few_statements() -> None:
    rows = [Exactly(("partition", "offset"), ("1", str(number))) for number in range(3)]
    assert list(together([*rows, "offset < 0"])) == [
        "(partition, offset) IN ((1, 0), (1, 1), (1, 2))",
        "(offset < 0)",
    ]
    many = list(together(rows[:1] * STATEMENT_BYTES))
    assert all(len(condition) < STATEMENT_BYTES + 100 for condition in many)
    assert sum(condition.count("(1, 0)") for condition in many) == STATEMENT_BYTES
