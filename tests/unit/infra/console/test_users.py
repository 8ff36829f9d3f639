"""Users of the page: hashes only, in a file of the owner's alone."""

import json
import stat
from pathlib import Path

import pytest

from infra.console.users import Users
from infra.errors import WrongSetting
from tests.support.console import QUICK_HASHER


def _users(directory: Path) -> Users:
    return Users(directory / "operations" / "users.json", QUICK_HASHER)


def test_a_password_is_kept_as_an_argon2id_hash_in_a_file_of_the_owner(tmp_path: Path) -> None:
    users = _users(tmp_path)
    assert users.add("李明", "correct horse battery")
    file = tmp_path / "operations" / "users.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    text = file.read_text(encoding="utf-8")
    assert "correct horse" not in text
    assert json.loads(text)["李明"]["hash"].startswith("$argon2id$")


def test_only_the_password_of_that_user_is_right(tmp_path: Path) -> None:
    users = _users(tmp_path)
    users.add("a", "correct horse battery")
    users.add("b", "another long password")
    found = users.check("a", "correct horse battery")
    assert found is not None
    assert found.name == "a"
    assert users.check("b", "correct horse battery") is None
    assert users.check("c", "correct horse battery") is None


def test_adding_again_replaces_and_removing_removes(tmp_path: Path) -> None:
    users = _users(tmp_path)
    users.add("a", "correct horse battery")
    assert not users.add("a", "another long password")
    assert users.check("a", "correct horse battery") is None
    assert users.check("a", "another long password")
    assert users.remove("a")
    assert not users.remove("a")
    assert users.all() == []


LONG = "long enough password"


@pytest.mark.parametrize(("name", "password"), [("", LONG), ("a b", LONG), ("a", "short")])
def test_what_cannot_be_used_is_refused(tmp_path: Path, name: str, password: str) -> None:
    with pytest.raises(WrongSetting):
        _users(tmp_path).add(name, password)


def test_a_file_that_others_may_read_or_that_is_none_is_not_trusted(tmp_path: Path) -> None:
    users = _users(tmp_path)
    users.add("a", "correct horse battery")
    file = tmp_path / "operations" / "users.json"
    file.chmod(0o640)
    with pytest.raises(WrongSetting, match="chmod 600"):
        users.all()
    file.chmod(0o600)
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(WrongSetting, match="no file of users"):
        users.check("a", "correct horse battery")
