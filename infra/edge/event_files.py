"""Files of events: JSON lines, or CSV with a header (names ending in `.csv`).

Each line states `topic`, `kind` and the fields of that kind. A line that cannot be published is reported with its
number, the field, the reason and what to do; it never stops the others.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from infra.errors import MissingPart
from schemas import topics
from schemas.events import MODELS, Event

# Between the items of a list in one CSV cell.
ITEM_SEPARATOR = ";"
POSSIBLE_TOPICS = ", ".join(topic.name for topic in topics.INPUT_TOPICS)


class BadLine(NamedTuple):
    """Why a line is not published; `field` is empty when the line as a whole is at fault."""

    line: int
    field: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.field + ': ' if self.field else ''}{self.reason}; {self.remedy}"


class GoodLine(NamedTuple):
    """A line that is an event."""

    line: int
    event: Event


class Read(NamedTuple):
    """What one line gave, and how many bytes of the file have been read by then."""

    results: list[GoodLine | BadLine]
    position: int


def read_events(file: Path) -> Iterator[Read]:
    """The events and the bad lines of a file, in its order. Raises MissingPart when it cannot be read."""
    try:
        # Bytes that are not UTF-8 become surrogates, which are told from text line by line.
        stream = file.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise MissingPart(f"{file} cannot be read: {error.strerror}; name a file of events") from error
    with stream:
        counted = _Counted(stream)
        lines = _csv_lines(counted) if file.suffix.lower() == ".csv" else _json_lines(counted)
        try:
            for line, fields in lines:
                yield Read([fields] if isinstance(fields, BadLine) else _judge(line, fields), counted.position)
        except OSError as error:
            raise MissingPart(f"{file} cannot be read: {error.strerror}; name a file of events") from error


class _Counted(Iterator[str]):
    """Lines of a stream, with the number of characters given so far."""

    def __init__(self, stream: Iterator[str]) -> None:
        self._stream = stream
        self.position = 0

    def __next__(self) -> str:
        line = next(self._stream)
        self.position += len(line)
        return line


def _json_lines(lines: Iterator[str]) -> Iterator[tuple[int, dict[str, Any] | BadLine]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if bad := _not_text(number, line):
            yield number, bad
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadLine(number, "", f"not JSON: {error}", "write one JSON object a line")
            continue
        if not isinstance(fields, dict):
            yield number, BadLine(number, "", "not a JSON object", "write one JSON object a line")
            continue
        yield number, fields


def _csv_lines(lines: Iterator[str]) -> Iterator[tuple[int, dict[str, Any] | BadLine]]:
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num, BadLine(reader.line_num, "", f"not CSV: {error}", "correct the quotes or separators")
            continue
        number = reader.line_num
        if not any(cells):
            continue
        if header is None:
            header = [name.strip() for name in cells]
            continue
        if bad := _not_text(number, "".join(cells)):
            yield number, bad
        elif len(cells) != len(header):
            reason = f"{len(cells)} cells under a header of {len(header)}"
            yield number, BadLine(number, "", reason, "give every column a cell, empty where nothing is stated")
        else:
            yield number, {name: cell for name, cell in zip(header, cells, strict=True) if cell != ""}


def _not_text(number: int, text: str) -> BadLine | None:
    if text.isascii() or not any("\udc80" <= character <= "\udcff" for character in text):
        return None
    return BadLine(number, "", "not UTF-8 text", "write the file as UTF-8")


def _judge(line: int, fields: dict[str, Any]) -> list[GoodLine | BadLine]:
    """The event that the fields of a line state, or every reason why they state none."""
    fields = dict(fields)
    topic, kind = fields.pop("topic", None), fields.pop("kind", None)
    kinds = [of_kind for of_topic, of_kind in MODELS if of_topic == topic]
    if not kinds:
        return [BadLine(line, "topic", _what(topic), f"write one of: {POSSIBLE_TOPICS}")]
    if kind not in kinds:
        return [BadLine(line, "kind", _what(kind), f"kinds of {topic} are: {', '.join(kinds)}")]
    model = MODELS[topic, kind]
    try:
        return [GoodLine(line, model.model_validate(_typed(model, fields)))]
    except ValidationError as error:
        return [_bad(line, problem) for problem in error.errors(include_url=False)]


def _what(value: object) -> str:
    return "missing" if value is None else f"{value!r} is not known"


def _typed(model: type[Event], fields: dict[str, Any]) -> dict[str, Any]:
    """A CSV cell is always text: whole numbers in fields of time and items of lists are told apart here."""
    typed: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, str) and name in model.model_fields:
            if name.endswith("_at") and value.isascii() and value.isdigit():
                value = int(value)
            elif "list" in str(model.model_fields[name].annotation):
                value = [item.strip() for item in value.split(ITEM_SEPARATOR)]
        typed[name] = value
    return typed


def _bad(line: int, problem: Any) -> BadLine:
    field = ".".join(str(part) for part in problem["loc"])
    reason = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "missing":
        return BadLine(line, field, "missing", "add it")
    if problem["type"] == "extra_forbidden":
        return BadLine(line, field, "this kind has no such field", "remove it or correct its name")
    return BadLine(line, field, f"{problem['input']!r}: {reason[0].lower()}{reason[1:]}", "correct it")
