"""The users file of the embedded ClickHouse, and a start that cannot succeed."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.clickhouse.users import DEFAULT_MEMORY, User, UsersFileError, load_users

GOOD: dict[str, Any] = {"writer": {"password": "w"}, "reader": {"password": "r", "readonly": True}}


def written(directory: Path, entries: object) -> Path:
    path = directory / "users.json"
    path.write_text(json.dumps(entries))
    return path


def test_the_two_users_are_read_with_their_memory(tmp_path: Path) -> None:
    assert load_users(written(tmp_path, GOOD)) == {
        "writer": User("writer", "w", False, DEFAULT_MEMORY["writer"]),
        "reader": User("reader", "r", True, DEFAULT_MEMORY["reader"]),
    }
    limited = GOOD | {"reader": GOOD["reader"] | {"max_memory_usage": 1000}}
    assert load_users(written(tmp_path, limited))["reader"].max_memory_usage == 1000
    kept_out = GOOD | {"reader": GOOD["reader"] | {"hidden_databases": ["a", "b"]}}
    assert load_users(written(tmp_path, kept_out))["reader"].hidden_databases == ("a", "b")


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([], "exactly the users"),
        ({"writer": {"password": "w"}}, "exactly the users"),
        (GOOD | {"root": {"password": "x"}}, "exactly the users"),
        (GOOD | {"writer": {"password": ""}}, "writer has no password"),
        (GOOD | {"writer": {"password": 3}}, "writer has no password"),
        (GOOD | {"writer": {"password": "w", "readonly": True}}, "readonly"),
        (GOOD | {"reader": {"password": "r"}}, "readonly"),
        (GOOD | {"reader": "r"}, "reader is not an object"),
        (GOOD | {"reader": GOOD["reader"] | {"paswd": 1}}, "paswd"),
        (GOOD | {"reader": GOOD["reader"] | {"max_memory_usage": 0}}, "max_memory_usage of reader"),
        (GOOD | {"reader": GOOD["reader"] | {"max_memory_usage": True}}, "max_memory_usage of reader"),
        (GOOD | {"reader": GOOD["reader"] | {"hidden_databases": "a"}}, "hidden_databases of reader"),
        (GOOD | {"reader": GOOD["reader"] | {"hidden_databases": ["a.b"]}}, "hidden_databases of reader"),
        (GOOD | {"writer": {"password": "w", "hidden_databases": ["a"]}}, "hidden_databases of writer"),
    ],
)
def test_a_wrong_users_file_says_what_to_change(tmp_path: Path, entries: object, reason: str) -> None:
    with pytest.raises(UsersFileError, match=reason):
        load_users(written(tmp_path, entries))


def test_a_missing_or_broken_users_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsersFileError, match="No such file"):
        load_users(tmp_path / "nope.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    with pytest.raises(UsersFileError, match="not JSON"):
        load_users(broken)
