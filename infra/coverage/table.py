"""The rows of the five source documents, as they stand in `rows.toml`."""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

ROW_PATTERN = r"^A00[0-4]-[0-9]{2}$"


class UnknownRow(LookupError):
    """No source document has a row of that id; the text names it."""


class Row(BaseModel):
    """One row: ``ref`` names the document (A000 Qingdao, A001 Dazhou, A002 Weihai, A003 Quanzhou, A004 Bayannur) and
    the row in it; ``carrier`` what it travels in (CI check-in, TM temperature, FU follow-up, EN enforcement, DI daily
    indicator report, RD reference data); ``homes`` where it lives: see `infra.coverage.homes`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ref: Annotated[str, Field(pattern=ROW_PATTERN)]
    name_en: Annotated[str, Field(min_length=1)]
    name_zh: Annotated[str, Field(min_length=1)]
    carrier: Annotated[str, Field(pattern=r"^(CI|TM|FU|EN|DI|RD)(, (CI|TM|FU|EN|DI|RD))*$")]
    homes: Annotated[tuple[str, ...], Field(min_length=1)]


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of the documents."""
    text = (files("infra") / "coverage" / "rows.toml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Row, ...]).validate_python(tomllib.loads(text)["row"])


def chosen(refs: Iterable[str]) -> tuple[Row, ...]:
    """The rows of some ids, or all where none is given. Raises `UnknownRow`."""
    wanted = set(refs)
    if unknown := sorted(wanted - {row.ref for row in rows()}):
        raise UnknownRow(f"no source document has a row {', '.join(unknown)}: ids run from A000-01 to A004-23")
    return tuple(row for row in rows() if not wanted or row.ref in wanted)
