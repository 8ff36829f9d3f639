"""The server's process: python -m infra.embedded.clickhouse DIRECTORY --port N --users FILE"""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from infra.embedded.clickhouse.errors import DirectoryInUseError
from infra.embedded.clickhouse.users import UsersFileError, load_users


class CannotStartError(Exception):
    """Something of the call or the machine must be changed first."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m infra.embedded.clickhouse", description="Embedded ClickHouse.")
    parser.add_argument("directory", type=Path, help="where the data is kept; made if missing")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--users", type=Path, required=True, help="JSON file with the users writer and reader")
    arguments = parser.parse_args()
    try:
        serve(arguments.directory.absolute(), arguments.port, arguments.users.absolute())
    except (CannotStartError, DirectoryInUseError, UsersFileError) as error:
        sys.exit(_complain(str(error)))


def _complain(text: str) -> int:
    print(f"embedded ClickHouse: {' '.join(text.split())}", file=sys.stderr, flush=True)
    return 2


def serve(directory: Path, port: int, users_file: Path) -> None:
    """Serve until SIGTERM or SIGINT; does not return then. Raises CannotStartError, DirectoryInUseError and
    UsersFileError before anything is served."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # The zone of the process is the zone of every DateTime without one.
    os.environ["TZ"] = "UTC"
    time.tzset()
    users = load_users(users_file)
    try:
        from infra.embedded.clickhouse.engine import Engine, directory_lock
        from infra.embedded.clickhouse.room import RestingMerges
        from infra.embedded.clickhouse.server import Server, listen
    except ImportError as error:
        raise CannotStartError(f"{error.name or error} is not installed: pip install 'checkline[embedded]'") from error
    try:
        directory.mkdir(parents=True, exist_ok=True)
        os.chdir(directory)  # the engine would read a config.xml of the working directory
    except OSError as error:
        raise CannotStartError(f"directory {directory}: {error.strerror}") from error
    with directory_lock(directory):
        try:
            listener = listen(port)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise CannotStartError(f"port {port} on 127.0.0.1: {reason}") from error
        try:
            engine = Engine(directory, users)
        except Exception as error:
            raise CannotStartError(f"the engine does not start in {directory}: {error}") from error
        RestingMerges(
            engine.path,
            engine.room,
            switch=engine.switch_merges,
            unreadable=engine.empty_parts,
            give_up=lambda: os._exit(3),
        ).start()
        server = Server(engine, listener)
        server.start()
        print("listening", listener.getsockname()[1], flush=True)
        stop.wait()
        server.stop()
        # The engine's threads do not end in order when the interpreter does.
        os._exit(0)


if __name__ == "__main__":
    main()
