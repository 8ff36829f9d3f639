"""What commands print: JSON of any answer, tables, failures in one line, proofs, stories."""

import errno
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from aiokafka.errors import KafkaConnectionError
from clickhouse_driver.errors import NetworkError, ServerException
from kafka.errors import KafkaTimeoutError

from infra.cli.failures import in_one_line
from infra.cli.figure_tables import digest_of
from infra.cli.output import as_json, write_table
from infra.cli.story import tell
from infra.errors import MissingPart
from replay.story import Observed, RuleNames, Story
from schemas.events import to_milliseconds
from sinks.clickhouse import StatementFailed
from sinks.digest import digest
from sinks.figures import ProvenSpan
from streams.clocks import Clock
from streams.risk import Segment


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (1.5, 1.5),
        (True, True),
        (Decimal("1.50"), "1.50"),
        (b"\xff\x00", "/wA="),
        ({"a": {(1, 2): b"x"}}, {"a": {"(1, 2)": "eA=="}}),
        ((1, [None, {3}]), [1, [None, [3]]]),
        (datetime(2020, 2, 20, tzinfo=UTC), "2020-02-20T00:00:00+00:00"),
    ],
)
def test_every_value_has_a_form_in_json(value: object, expected: object) -> None:
    assert as_json(value) == expected
    json.dumps(as_json(value), allow_nan=False)


def test_a_piped_table_has_no_blanks_at_line_ends(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(("name", "number", "text"), [("long" * 40, 7, ""), ("b", 12, b"\xff")])
    header, first, second = capsys.readouterr().out.splitlines()
    assert [line.rstrip() for line in (header, first, second)] == [header, first, second]
    assert second.split() == ["b", "12", "ff"]


def statement_failed(cause: Exception) -> StatementFailed:
    try:
        try:
            raise cause
        except Exception as error:
            raise StatementFailed("id", "SELECT 1", str(error)) from error
    except StatementFailed as failed:
        return failed


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MissingPart("kafka is not there"), "kafka is not there"),
        (
            ServerException("DB::Exception: no table.\nStack trace:\n\n0. x", 60),
            "clickhouse refused the query (code 60): no table.",
        ),
        (statement_failed(ServerException("DB::Exception: no table.", 60)), "refused the query (code 60): no table."),
        (NetworkError("Connection refused"), "clickhouse does not answer (Code: 210. Connection refused)"),
        (statement_failed(EOFError("gone")), "clickhouse does not answer (gone)"),
        (KafkaTimeoutError("no broker"), "kafka does not answer (KafkaTimeoutError: no broker)"),
        (KafkaConnectionError("no broker"), "kafka does not answer (KafkaConnectionError: no broker)"),
        (OSError(errno.ENOSPC, "No space", "/x"), "the disk of /x is full"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_defect_is_told_in_one_line(error: Exception, line: str) -> None:
    told = in_one_line(error)
    assert told is not None
    assert line in told
    assert "\n" not in told


def test_a_defect_keeps_its_traceback() -> None:
    assert in_one_line(KeyError("x")) is None
    assert in_one_line(OSError(errno.EACCES, "denied")) is None


def test_the_digest_of_a_proof_is_that_of_all_rows_together() -> None:
    numbers = np.random.default_rng(7).integers(0, 2**64, 40, dtype=np.uint64)
    blocks = [
        ProvenSpan("reports", 0, begin, begin + 10, 10, 0, f"{digest(numbers[begin : begin + 10]):032x}", True)
        for begin in range(0, 40, 10)
    ]
    assert digest_of(blocks) == f"{digest(numbers):032x}"
    assert digest_of([]) == "0" * 32


def at(text: str) -> int:
    return int(to_milliseconds(text))


def test_a_story_says_when_where_the_event_was_and_because_of_which_events() -> None:
    opened, due = at("2020-02-19T23:50:00+08:00"), at("2020-02-20T00:00:00+08:00")
    states: dict[str, Any] = {
        "lead_id": "lead-1",
        "received_at": opened,
        "home_province": False,
        "symptoms": ["A", "B"],
    }
    story = Story(
        "p00",
        at("2020-02-20T10:00:00+08:00"),
        [Observed(opened, 540, "desk#1", "follow-ups", "LEAD_OPENED", states, too_old=False)],
        [Segment(opened, due, "HIGH", "lead", "policy@1", tuple(f"desk#{number}" for number in range(1, 30)))],
        None,
        [Clock("lead-1", "lead-1", "SAME_DAY", opened, due, due, None, None, "policy@1", ("desk#1",), True)],
        {"lead-1": RuleNames("lead lead-1, same calendar day", "线索 当日清零")},
    )
    text = tell(story)
    assert "2020-02-20 00:50 +09:00  Lead 线索 lead-1 received 2020-02-20 00:50 +09:00" in text
    assert "registered elsewhere 外省籍 (also stated: symptoms A/B). [desk#1]" in " ".join(text.split())
    assert "2020-02-19 23:50 to 2020-02-20 00:00  HIGH (refer 建议转送) by lead 线索" in text
    assert (
        "2020-02-20 00:00  lead lead-1, same calendar day 线索 当日清零: overdue, no proof 超时未完成 (BREACHED)"
        in text
    )
    assert "because of desk#1" in text
    assert max(map(len, text.splitlines())) <= 118
    assert all(f"desk#{number}" in text for number in range(1, 30))
