"""What the server must know of a statement's text before the engine sees it."""

import re
from dataclasses import dataclass

_NAME = r"(?:`(?:\\.|[^`\\])+`|\"[^\"]+\"|\w+)"
_TABLE = rf"(?P<table>{_NAME}(?:\s*\.\s*{_NAME})?)"
_COLUMNS = r"(?P<columns>\((?:[^()]|\([^()]*\))*\))?"
_SETTINGS = r"(?:SETTINGS\s+(?P<settings>.*?))?"
_LITERAL = r"'(?:\\.|[^'\\])*'"
_INSERT = re.compile(
    rf"INSERT\s+INTO\s+(?:TABLE\s+)?{_TABLE}\s*{_COLUMNS}\s*{_SETTINGS}\s*(?:VALUES|FORMAT\s+\w+)\s*;?\s*$", re.I | re.S
)
_INSERT_INPUT = re.compile(
    rf"(?P<insert>INSERT\s+INTO\s.*?\bSELECT\b.*?)\binput\s*\(\s*(?P<structure>{_LITERAL})\s*\)"
    r"(?P<rest>.*?)\s*\bFORMAT\s+(?:Native|Values)\s*;?\s*$",
    re.I | re.S,
)
_COMMENTS = re.compile(r"^(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)+", re.S)
_FORMAT = re.compile(r"\sFORMAT\s+\w+\s*;?\s*$", re.I)
_SETTING = re.compile(rf"(\w+)\s*=\s*({_LITERAL}|[^,;\s]+)")


@dataclass(frozen=True)
class Insert:
    """`INSERT INTO table (columns) VALUES`, its rows following as blocks."""

    table: str
    columns: str  # with their parentheses, or ""
    settings: str


@dataclass(frozen=True)
class InsertInput:
    """`INSERT INTO ... SELECT ... FROM input('structure') ... FORMAT Native`, its rows following as blocks."""

    before: str
    structure: str  # a string literal of SQL
    after: str


def strip_comments(text: str) -> str:
    """Without the comments and blanks before the first word."""
    return _COMMENTS.sub("", text)


def strip_format(text: str) -> str:
    """Without FORMAT at the end: on a connection results are always blocks."""
    return _FORMAT.sub("", text)


def parse_insert(text: str) -> Insert | InsertInput | None:
    """The insert whose rows the client is going to send, or None for any other statement."""
    if found := _INSERT.match(text):
        return Insert(found["table"], found["columns"] or "", found["settings"] or "")
    if found := _INSERT_INPUT.match(text):
        return InsertInput(found["insert"], found["structure"], found["rest"])
    return None


def first_word(text: str) -> str:
    found = re.match(r"[\s(]*(\w*)", text)
    return found[1].upper() if found else ""


def settings_of(text: str) -> dict[str, str]:
    """Names and values of a SET statement."""
    return {name: value.strip("'") for name, value in _SETTING.findall(text)}


def quote(value: object) -> str:
    """`value` as a string literal of SQL."""
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"


def unquote(literal: str) -> str:
    """The value of a parameter, which arrives as a string literal."""
    if len(literal) > 1 and literal[0] == "'" == literal[-1]:
        return literal[1:-1].replace("\\'", "'").replace("\\\\", "\\")
    return literal


def quote_name(name: str) -> str:
    """`name` as an identifier of SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def has_totals(statement: str) -> bool:
    return bool(re.search(r"\bWITH\s+TOTALS\b", statement, re.I))
