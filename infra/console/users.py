"""Who may act from the page: names and argon2id hashes of their passwords, in a file that only its owner may read."""

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from infra.errors import WrongSetting
from infra.home import OWNER_ONLY, Home, write_whole

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1024
_NAME = re.compile(r"\w[\w.@-]{0,63}")
_OTHERS = 0o077


class ConsoleUser(NamedTuple):
    """Somebody who may act; ``added_at``: UTC milliseconds."""

    name: str
    hash: str
    added_at: int


def users_file(home: Home) -> Path:
    """Where the users of the page of a home stand."""
    return home.directory / "operations" / "users.json"


class Users:
    """The users in a file, read again at each question: who was removed is out at once."""

    def __init__(self, file: Path, hasher: PasswordHasher | None = None) -> None:
        self._file = file
        self._hasher = hasher or PasswordHasher()
        # What a wrong name is checked against, so that it takes as long as a wrong password.
        self._nobody = self._hasher.hash(os.urandom(16).hex())

    def add(self, name: str, password: str) -> bool:
        """Adds somebody, or gives them a new password (False then). Raises WrongSetting for what cannot be used."""
        if not _NAME.fullmatch(name):
            raise WrongSetting(f"user {name!r}: a name has up to 64 letters, digits and . @ - _; choose another")
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise WrongSetting(f"the password of {name} should have {SHORTEST_PASSWORD} characters or more")
        with self._alone():
            users = self._read()
            new = name not in users
            users[name] = ConsoleUser(name, self._hasher.hash(password), time.time_ns() // 1_000_000)
            self._write(users)
        return new

    def remove(self, name: str) -> bool:
        """Removes somebody; False where there is no such user."""
        with self._alone():
            users = self._read()
            found = users.pop(name, None) is not None
            if found:
                self._write(users)
        return found

    def all(self) -> list[ConsoleUser]:
        """Everybody, by name. Raises WrongSetting where the file cannot be trusted."""
        return sorted(self._read().values())

    def find(self, name: str) -> ConsoleUser | None:
        """Somebody by name. Raises WrongSetting."""
        return self._read().get(name)

    def check(self, name: str, password: str) -> ConsoleUser | None:
        """The user, if this is the password. It takes as long, and says as little, where there is no such user."""
        found = self.find(name)
        try:
            self._hasher.verify(found.hash if found else self._nobody, password)
        except (VerificationError, InvalidHashError):
            return None
        return found

    def _read(self) -> dict[str, ConsoleUser]:
        try:
            with self._file.open(encoding="utf-8") as stream:
                if os.fstat(stream.fileno()).st_mode & _OTHERS:
                    raise WrongSetting(f"{self._file} may be read by others; make it yours alone: chmod 600")
                written: dict[str, Any] = json.load(stream)
            return {name: ConsoleUser(name, one["hash"], one["added_at"]) for name, one in written.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WrongSetting(f"{self._file} is no file of users ({error}); remove it and add them anew") from error

    def _write(self, users: dict[str, ConsoleUser]) -> None:
        written = {name: {"hash": one.hash, "added_at": one.added_at} for name, one in sorted(users.items())}
        write_whole(self._file, json.dumps(written, indent=2, ensure_ascii=False) + "\n", mode=OWNER_ONLY)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two who write at once would each lose what the other wrote."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
