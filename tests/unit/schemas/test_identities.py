"""Identity and content hashes: rows and columns agree; what is absent does not count."""

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from schemas.identities import content_hash, content_hashes, identity_hash, identity_hashes, is_token

FIELDS = ["kind", "source", "sequence", "symptoms", "reason", "upheld"]
SCHEMA: dict[str, Any] = {
    "key": pl.Binary,
    "kind": pl.Enum(["NOT_STATED", "READING", "ATTEMPT"]),
    "source": pl.String,
    "sequence": pl.Int64,
    "symptoms": pl.List(pl.String),
    "reason": pl.String,
    "upheld": pl.Boolean,
}

text = st.text(max_size=6) | st.sampled_from(["a\x1fb=1:x", "NOT_STATED "])
rows = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["NOT_STATED", "READING", "ATTEMPT"]),
            "source": text,
            "sequence": st.integers(-(2**63), 2**63 - 1),
            "symptoms": st.lists(text, max_size=2),
            "reason": st.none() | text,
            "upheld": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=5,
)


@given(rows)
def test_rows_and_columns_have_the_same_hashes(published: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame([{"key": b"k", **row} for row in published], schema=SCHEMA)
    assert content_hashes(frame, FIELDS) == [content_hash("k", row, FIELDS) for row in published]
    assert identity_hashes(frame) == [identity_hash(row["source"], row["sequence"]) for row in published]


def test_a_field_added_later_and_not_stated_changes_no_hash() -> None:
    row = {"kind": "READING", "source": "a", "sequence": 1, "symptoms": [], "reason": None, "upheld": None}
    assert content_hash("k", row, FIELDS) == content_hash("k", row, FIELDS[:3])


def test_the_boundary_between_fields_cannot_be_forged() -> None:
    one = {"source": "a\x1freason=1:b", "reason": None}
    other = {"source": "a", "reason": "b"}
    assert content_hash("k", one, ["source", "reason"]) != content_hash("k", other, ["source", "reason"])


def test_nothing_that_names_a_person_has_the_shape_of_a_token() -> None:
    assert is_token("p01" + "abcdefghijklmnopqrstuvwx")
    for text in ("370202199001011234", "13800138000", "张三", "p01" + "A" * 24, ""):
        assert not is_token(text)
