"""Event files: a bad line says where, what and what to do, and never stops the good ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.edge.event_files import BadLine, GoodLine, read_events
from infra.errors import MissingPart

READING: dict[str, Any] = {
    "topic": "temperatures",
    "kind": "READING",
    "token": "p01" + "a" * 24,
    "source": "gate-1",
    "sequence": 1,
    "occurred_at": "2020-02-19T08:30:00+08:00",
    "sent_at": "2020-02-19T08:30:01+08:00",
    "value_tenths": 381,
    "method": "AXILLARY",
}


def judged(file: Path) -> list[GoodLine | BadLine]:
    return [result for read in read_events(file) for result in read.results]


def json_lines(tmp_path: Path, *lines: Any) -> Path:
    file = tmp_path / "events.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return file


def only_bad(results: list[GoodLine | BadLine]) -> BadLine:
    (result,) = results
    assert isinstance(result, BadLine)
    return result


def test_a_good_line_is_its_event(tmp_path: Path) -> None:
    (result,) = judged(json_lines(tmp_path, READING))
    assert isinstance(result, GoodLine), result
    assert result.event.record().key == b"p01" + b"a" * 24
    assert result.event.occurred_at == 1_582_072_200_000
    assert result.event.zone_offset_minutes == 480


def test_bad_lines_are_numbered_as_in_the_file_and_the_good_ones_remain(tmp_path: Path) -> None:
    file = json_lines(tmp_path, READING, "", "{", "[1]", {**READING, "sequence": -1}, {**READING, "sequence": 2})
    results = judged(file)
    assert [result.line for result in results] == [1, 3, 4, 5, 6]
    assert [isinstance(result, GoodLine) for result in results] == [True, False, False, False, True]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"token": "Zhang San"}, "token", "correct it"),
        ({"token": None}, "token", "correct it"),
        ({"sequence": "many"}, "sequence", "'many'"),
        ({"occurred_at": "2020-02-19T08:30:00", "zone_offset_minutes": 480}, "occurred_at", "without an offset"),
        ({"method": "GUESS"}, "method", "'GUESS'"),
        ({"temperature": 38}, "temperature", "no such field; remove it"),
        ({"topic": "weather"}, "topic", "write one of: check-ins, temperatures"),
        ({"kind": "TIME_MARK"}, "kind", "kinds of temperatures are: READING"),
    ],
)
def test_a_bad_field_is_named_with_the_reason_and_the_remedy(
    tmp_path: Path, change: dict[str, Any], field: str, words: str
) -> None:
    bad = only_bad(judged(json_lines(tmp_path, {**READING, **change})))
    assert (bad.line, bad.field) == (1, field)
    assert words in str(bad)
    assert "\n" not in str(bad)


def test_a_missing_field_is_to_be_added(tmp_path: Path) -> None:
    without = {name: value for name, value in READING.items() if name != "value_tenths"}
    bad = only_bad(judged(json_lines(tmp_path, without)))
    assert str(bad) == "line 1: value_tenths: missing; add it"


def test_all_problems_of_a_line_are_told_at_once(tmp_path: Path) -> None:
    results = judged(json_lines(tmp_path, {**READING, "sequence": -1, "value_tenths": 10}))
    assert [result.field for result in results if isinstance(result, BadLine)] == ["sequence", "value_tenths"]


def test_csv_cells_become_numbers_times_and_lists(tmp_path: Path) -> None:
    row = {**READING, "symptoms": "DRY_COUGH;FEVER", "sent_at": "1582072201000", "site": ""}
    file = tmp_path / "events.csv"
    file.write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n", encoding="utf-8")
    (result,) = judged(file)
    assert isinstance(result, GoodLine), result
    fields = result.event.record().row
    assert fields["sent_at"] == 1_582_072_201_000
    assert fields["symptoms"] == ["DRY_COUGH", "FEVER"]
    assert fields["value_tenths"] == 381


def test_a_csv_row_of_another_length_is_bad(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text("topic,kind\ntemperatures\n", encoding="utf-8")
    bad = only_bad(judged(file))
    assert (bad.line, bad.reason) == (2, "1 cells under a header of 2")


def test_bytes_that_are_not_utf_8_are_bad_and_chinese_text_is_not(tmp_path: Path) -> None:
    note = {**READING, "site": "关口"}
    file = tmp_path / "events.jsonl"
    file.write_bytes(json.dumps(note, ensure_ascii=False).encode("gb18030") + b"\n" + json.dumps(READING).encode())
    results = judged(file)
    assert isinstance(results[0], BadLine)
    assert results[0].reason == "not UTF-8 text"
    assert isinstance(results[1], GoodLine)


def test_a_missing_file_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MissingPart, match=r"nowhere\.jsonl cannot be read: No such file"):
        judged(tmp_path / "nowhere.jsonl")
