"""What the server answers with: errors that carry a ClickHouse error code."""

import re

UNKNOWN_TYPE = 50
NOT_IMPLEMENTED = 48
SYNTAX_ERROR = 62
CHECKSUM_DOESNT_MATCH = 40
UNEXPECTED_PACKET_FROM_CLIENT = 101
UNKNOWN_PACKET_FROM_CLIENT = 99
UNKNOWN_SETTING = 115
READONLY = 164
TOO_MANY_SIMULTANEOUS_QUERIES = 202
CANNOT_DECOMPRESS = 271
QUERY_WAS_CANCELLED = 394
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
UNKNOWN_EXCEPTION = 1002

_ENGINE_MESSAGE = re.compile(r"Code: (\d+)\. (?:DB::Exception: )?(.*)", re.S)


class ServerError(Exception):
    """An error the client is told, after which the connection goes on. `code` is ClickHouse's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(ServerError):
    """The bytes cannot be followed any more: the client is told, then the connection is closed."""

    def __init__(self, message: str, code: int = UNEXPECTED_PACKET_FROM_CLIENT) -> None:
        super().__init__(code, message)


class DirectoryInUseError(Exception):
    """Another server has this directory open."""


def from_engine(error: Exception) -> ServerError:
    """The engine reports its errors as text only: find the code in it."""
    if isinstance(error, ServerError):
        return error
    found = _ENGINE_MESSAGE.search(str(error))
    if found:
        return ServerError(int(found[1]), found[2])
    return ServerError(UNKNOWN_EXCEPTION, f"{type(error).__name__}: {error}")
