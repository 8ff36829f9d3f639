"""Run a command that cannot outlive the process that started it, even when that one is killed with SIGKILL.

`python -I tether.py PARENT_PID COMMAND...` asks the kernel to send this process SIGKILL when its parent dies, and then
becomes the command. The kernel's parent is the thread that started the process: start parts from a thread that lives
as long as they shall. Linux only; elsewhere the command runs untethered.
"""

import os
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[str]) -> list[str]:
    """The command line that runs `command` bound to the life of the calling process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(arguments: list[str]) -> None:
    """Bind this process to its parent and become the command."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died before the request was made.
        if os.getppid() != parent:
            sys.exit("the process that started this one is gone")
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
