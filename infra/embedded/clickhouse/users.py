"""Who may connect: two users from a file that only its owner can read."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
DEFAULT_MEMORY = {"writer": 4 * GIB, "reader": 2 * GIB}  # bytes of one statement: a laptop has 8 GiB


@dataclass(frozen=True)
class User:
    """`max_memory_usage`: bytes one statement of this user may take. `hidden_databases`: for this user they are not
    there, nor is any view or table that reads them."""

    name: str
    password: str
    readonly: bool
    max_memory_usage: int
    hidden_databases: tuple[str, ...] = ()


class UsersFileError(Exception):
    """The users file is missing or wrong; the text says what to change."""


def load_users(path: Path) -> dict[str, User]:
    """Users by name from {"writer": {"password": ...}, "reader": {"password": ..., "readonly": true}}.

    An entry may also state `max_memory_usage` in bytes, and the reader's `hidden_databases`. Raises UsersFileError.
    """
    try:
        entries = json.loads(path.read_text())
    except OSError as error:
        raise UsersFileError(f"users file {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsersFileError(f"users file {path}: not JSON: {error}") from error
    if not isinstance(entries, dict) or set(entries) != set(DEFAULT_MEMORY):
        raise UsersFileError(f"users file {path}: exactly the users writer and reader are expected")
    return {name: _user(path, name, entry) for name, entry in entries.items()}


def _user(path: Path, name: str, entry: object) -> User:
    if not isinstance(entry, dict):
        raise UsersFileError(f"users file {path}: {name} is not an object")
    unknown = set(entry) - {"password", "readonly", "max_memory_usage", "hidden_databases"}
    if unknown:
        raise UsersFileError(f"users file {path}: {name} has unknown settings: {', '.join(sorted(unknown))}")
    password, readonly = entry.get("password"), entry.get("readonly", False)
    memory = entry.get("max_memory_usage", DEFAULT_MEMORY[name])
    if not isinstance(password, str) or not password:
        raise UsersFileError(f"users file {path}: {name} has no password")
    if readonly is not (name == "reader"):
        raise UsersFileError(f"users file {path}: readonly must be true for the reader and only for the reader")
    if not isinstance(memory, int) or isinstance(memory, bool) or memory <= 0:
        raise UsersFileError(f"users file {path}: max_memory_usage of {name} must be a positive number of bytes")
    hidden = entry.get("hidden_databases", [])
    if not isinstance(hidden, list) or not all(isinstance(one, str) and re.fullmatch(r"[\w*]+", one) for one in hidden):
        raise UsersFileError(f"users file {path}: hidden_databases of {name} must be a list of names of databases")
    if hidden and not readonly:
        raise UsersFileError(f"users file {path}: hidden_databases of {name}: only the reader can be kept from any")
    return User(name, password, readonly, memory, tuple(hidden))
