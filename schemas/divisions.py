"""Divisions: their codes, and the tree that they form.

Down to the county codes are those of GB/T 2260, below it nine digits for a township (GB/T 10114) and twelve for a
village. A functional zone (功能区) is in none of them: it has a code of our own, the prefecture or county that it
belongs to and some letters, such as ``371000-ETDZ`` (T12). So has a grid: its village and a name.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from schemas.codes import DivisionLevel
from schemas.policy import FOREVER

PROVINCE, PREFECTURE, COUNTY = DivisionLevel.PROVINCE, DivisionLevel.PREFECTURE, DivisionLevel.COUNTY
FUNCTIONAL_ZONE, TOWNSHIP, VILLAGE = DivisionLevel.FUNCTIONAL_ZONE, DivisionLevel.TOWNSHIP, DivisionLevel.VILLAGE
GRID, NOT_STATED = DivisionLevel.GRID, DivisionLevel.NOT_STATED

_ZONE = re.compile(r"[0-9]{6}-[A-Z]{2,8}")
_GRID = re.compile(r"[0-9]{12}-[A-Z0-9]{1,8}")
_DIGITS = re.compile(r"[0-9]{6}|[0-9]{9}|[0-9]{12}")


class BadDivisionCode(ValueError):
    """The code names no division; the message says why and what a code looks like."""


class KnownDivision(NamedTuple):
    """A row of the vendored table. ``whole``: all divisions right below it are in the table too."""

    code: str
    name_zh: str
    name_en: str
    whole: bool


class FunctionalZone(NamedTuple):
    """A zone with a management of its own that GB/T 2260 does not know."""

    code: str
    name_zh: str
    name_en: str


FUNCTIONAL_ZONES = (
    FunctionalZone("371000-ETDZ", "威海经济技术开发区", "Weihai Economic and Technological Development Zone"),
    FunctionalZone("350500-TIZ", "泉州台商投资区", "Quanzhou Taiwanese Investment Zone"),
    FunctionalZone("150800-ETDZ", "巴彦淖尔经济技术开发区", "Bayannur Economic and Technological Development Zone"),
    FunctionalZone("150824-GQMD", "甘其毛都口岸", "Ganqimaodu Port"),
)
"""Zones that the source documents name."""


@cache
def known_divisions() -> Mapping[str, KnownDivision]:
    """GB/T 2260 as of 2020, by code: all provinces, and of Shandong, Hubei and the other prefectures of the source
    documents what lies below."""
    path = files("schemas") / "gbt2260" / "divisions.tsv"
    rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t")
    return {
        row["code"]: KnownDivision(row["code"], row["name_zh"], row["name_en"], row["whole"] == "yes") for row in rows
    }


def code_level(code: str) -> DivisionLevel:
    """Level of a code by its shape; NOT_STATED for what is no code of a division."""
    if _ZONE.fullmatch(code):
        return FUNCTIONAL_ZONE
    if _GRID.fullmatch(code):
        return GRID
    if not _DIGITS.fullmatch(code) or code.startswith("00"):
        return NOT_STATED
    if len(code) > 6:
        return NOT_STATED if code.endswith("000") or code[4:6] == "00" else TOWNSHIP if len(code) == 9 else VILLAGE
    if code.endswith("0000"):
        return PROVINCE
    if code.endswith("00"):
        return PREFECTURE
    return NOT_STATED if code[2:4] == "00" else COUNTY


def code_parent(code: str) -> str | None:
    """Code of the division right above, by the prefix; None above a province and of what is no code."""
    match code_level(code):
        case DivisionLevel.PREFECTURE:
            return f"{code[:2]}0000"
        case DivisionLevel.COUNTY:
            return f"{code[:4]}00"
        case DivisionLevel.TOWNSHIP:
            return code[:6]
        case DivisionLevel.VILLAGE:
            return code[:9]
        case DivisionLevel.FUNCTIONAL_ZONE | DivisionLevel.GRID:
            return code.partition("-")[0]
    return None


def check_code(code: str) -> DivisionLevel:
    """Level of a code whose ancestors all are codes too, and which is in the table where the table is whole.

    Raises BadDivisionCode: 371071, by which statistics count Weihai's development zone, is not in GB/T 2260 (T12).
    """
    level = code_level(code)
    if level is NOT_STATED:
        raise BadDivisionCode(
            f"{code} is no code of a division: write six digits down to the county (371002), nine for a township, "
            "twelve for a village, or a functional zone as 371000-ETDZ"
        )
    table = known_divisions()
    parent = code_parent(code)
    if level is PROVINCE and code not in table:
        raise BadDivisionCode(f"{code}: GB/T 2260 has no such province")
    if parent is None:
        return level
    above = check_code(parent)
    if level is FUNCTIONAL_ZONE and above not in (PREFECTURE, COUNTY):
        raise BadDivisionCode(f"{code}: a functional zone belongs to a prefecture or a county, not to {parent}")
    if level in (PREFECTURE, COUNTY) and code not in table and parent in table and table[parent].whole:
        raise BadDivisionCode(
            f"{code}: GB/T 2260 has no such code under {parent} {table[parent].name_zh}; a functional zone has a code "
            f"of our own such as {parent}-ETDZ"
        )
    return level


class DivisionVersion(NamedTuple):
    """What one reference row states of a division over [valid_from, valid_until), UTC milliseconds."""

    valid_from: int
    valid_until: int
    parent: str | None
    level: DivisionLevel


class DivisionTree:
    """The divisions as the reference rows of kind DIVISION state them, at any time.

    A parent or level that no row states is read off the code. Of versions that hold at a time the latest counts.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        """``rows``: reference rows with ``entity_id``, ``parent``, ``level``, ``valid_from`` and ``valid_until``."""
        self._versions: dict[str, list[DivisionVersion]] = {}
        for row in rows:
            begins, ends = row["valid_from"], row["valid_until"]
            version = DivisionVersion(
                0 if begins is None else begins,
                FOREVER if ends is None else ends,
                row["parent"],
                DivisionLevel[row["level"] or NOT_STATED.value],
            )
            self._versions.setdefault(row["entity_id"], []).append(version)
        for versions in self._versions.values():
            versions.sort(key=lambda version: (*version[:2], version.parent or "", version.level))

    def parent(self, code: str, at: int) -> str | None:
        """Division right above at a time; None where there is none, or none is known."""
        found = self._at(code, at)
        return found.parent if found and found.parent else code_parent(code)

    def level(self, code: str, at: int) -> DivisionLevel:
        """Level of a division at a time; NOT_STATED where nothing tells."""
        found = self._at(code, at)
        return code_level(code) if found is None or found.level is NOT_STATED else found.level

    def ancestors(self, code: str, at: int) -> tuple[str, ...]:
        """All divisions above, the nearest first. Rows that name one another as parents are followed once."""
        found: list[str] = []
        above = self.parent(code, at)
        while above is not None and above != code and above not in found:
            found.append(above)
            above = self.parent(above, at)
        return tuple(found)

    def children(self, code: str, at: int) -> tuple[str, ...]:
        """Divisions right below that rows state at a time, in order of their codes."""
        return tuple(
            sorted(child for child in self._versions if self._at(child, at) and self.parent(child, at) == code)
        )

    def is_within(self, code: str, other: str, at: int) -> bool:
        """Whether a division is another one or lies in it."""
        return code == other or other in self.ancestors(code, at)

    def holding(self, code: str, level: DivisionLevel, at: int) -> str:
        """The division of a level that holds a place; the place itself where it is larger, or where no ancestor of that
        level is known. A functional zone of a prefecture stands beside its counties, and holds its places as they do.
        """
        chain = (code, *self.ancestors(code, at))
        for wanted in (level, FUNCTIONAL_ZONE) if level is COUNTY else (level,):
            for one in chain:
                if self.level(one, at) is wanted:
                    return one
        return code

    def _at(self, code: str, at: int) -> DivisionVersion | None:
        held = [version for version in self._versions.get(code, ()) if version.valid_from <= at < version.valid_until]
        return held[-1] if held else None
