"""How a part of our own tells its supervisor that it is ready: it writes its process id where it was told to."""

import os
from collections.abc import Callable
from pathlib import Path

from infra.home import write_whole

READY_FILE_VARIABLE = "CHECKLINE_READY_FILE"


def announce_ready() -> None:
    """Say that this process does its work now. Does nothing when no supervisor asked for it."""
    if file := os.environ.get(READY_FILE_VARIABLE):
        write_whole(Path(file), f"{os.getpid()}\n")


def has_announced(file: Path) -> Callable[[int], bool]:
    """Whether the process with a given id has said that it is ready; a file of an earlier process says nothing."""

    def is_ready(pid: int) -> bool:
        try:
            return file.read_text(encoding="utf-8").strip() == str(pid)
        except FileNotFoundError:
            return False

    return is_ready
