"""What several commands read off their arguments."""

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
