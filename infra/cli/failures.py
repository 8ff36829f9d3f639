"""Which errors are no defect of ours, and the one line that tells of each."""

import errno
from typing import Any

from typer.exceptions import TyperException

from infra.errors import CannotRun

START = "see checkline status, start it with checkline up"


def of_a_call(error: TyperException) -> str:
    """What is wrong with the words of a call, and where to read which are right."""
    context: Any = getattr(error, "ctx", None)  # absent where no command was found
    command = context.command_path if context else "checkline"
    return f"{_unfinished(error.format_message())}; see {command} --help"


def in_one_line(error: Exception) -> str | None:
    """What to tell the user; None for a defect, which deserves its traceback."""
    if isinstance(error, CannotRun):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {error.filename or 'CHECKLINE_HOME'} is full; free some, or set CHECKLINE_HOME"
    return _of_clickhouse(error) or _of_kafka(error)


def _of_clickhouse(error: Exception) -> str | None:
    from clickhouse_driver import errors

    from infra.asking import in_one_line as refused
    from sinks.clickhouse import StatementFailed

    cause = error.__cause__ if isinstance(error, StatementFailed) else error
    if isinstance(cause, errors.ServerException):
        return refused(cause)
    if isinstance(error, StatementFailed) or isinstance(cause, errors.Error):
        return f"clickhouse does not answer ({_unfinished(str(cause or error))}); {START}"
    return None


def _of_kafka(error: Exception) -> str | None:
    from aiokafka.errors import KafkaError as OfAiokafka
    from kafka.errors import KafkaError

    if isinstance(error, KafkaError | OfAiokafka):
        return f"kafka does not answer ({_unfinished(str(error) or type(error).__name__)}); {START}"
    return None


def _unfinished(text: str) -> str:
    """A sentence that another part follows."""
    return " ".join(text.split()).rstrip(".")
