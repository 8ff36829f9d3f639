"""What several commands read off their arguments."""

import getpass
import os
from typing import overload

from infra.errors import WrongSetting


@overload
def time_of(option: str, text: str) -> int: ...
@overload
def time_of(option: str, text: str | None) -> int | None: ...
def time_of(option: str, text: str | None) -> int | None:
    """A time in UTC milliseconds; None where none was given. Raises WrongSetting, naming the option."""
    from schemas.events import to_milliseconds

    if text is None:
        return None
    try:
        return int(to_milliseconds(text))
    except ValueError as error:
        raise WrongSetting(f"{option} {text}: {error}") from error


def who_does(by: str | None) -> str:
    """Who calls: what ``--by`` says, otherwise the user of this machine. Raises WrongSetting where it says nothing."""
    if by is not None:
        if not by.strip():
            raise WrongSetting("--by is empty: say who does this")
        return by.strip()
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return f"uid {os.getuid()}"
