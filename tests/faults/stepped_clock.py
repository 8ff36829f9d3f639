"""`python -m tests.faults.stepped_clock FILE ARGUMENTS...`: `checkline ARGUMENTS` under a clock that can be stepped.

FILE holds the step: milliseconds, a signed little-endian 64-bit number, read at every look at the time. The monotonic
clock stays as it is, as it does on a machine whose wall clock is set.
"""

import mmap
import struct
import sys
import time
from pathlib import Path

_NUMBER = struct.Struct("<q")


def write_step(file: Path, milliseconds: int) -> None:
    """Step the clock of all processes that run under this file; 0 takes it back."""
    if not file.exists():
        file.write_bytes(_NUMBER.pack(0))
    with file.open("r+b") as stream:
        stream.write(_NUMBER.pack(milliseconds))


def _install(file: Path) -> None:
    with file.open("rb") as stream:
        step = mmap.mmap(stream.fileno(), _NUMBER.size, prot=mmap.PROT_READ)
    true_time, true_time_ns = time.time, time.time_ns
    time.time = lambda: true_time() + _NUMBER.unpack_from(step)[0] / 1e3
    time.time_ns = lambda: true_time_ns() + _NUMBER.unpack_from(step)[0] * 1_000_000


if __name__ == "__main__":
    _install(Path(sys.argv[1]))
    from infra.cli import main

    sys.argv = ["checkline", *sys.argv[2:]]
    main()
