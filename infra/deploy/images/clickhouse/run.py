"""Starts the embedded ClickHouse in a container, with the users and variables of users.d/checkline.xml."""

import json
import os
import subprocess
import sys
from pathlib import Path

USERS = Path("/var/lib/clickhouse/users.json")
PORT, INNER_PORT = 9000, 9001


def main() -> None:
    """Write the users, have the port forwarded, and become the server. Raises KeyError without the passwords."""
    users = {
        "writer": {"password": os.environ["CHECKLINE_CLICKHOUSE_WRITER_PASSWORD"]},
        "reader": {
            "password": os.environ["CHECKLINE_CLICKHOUSE_READER_PASSWORD"],
            "readonly": True,
            "hidden_databases": ["checkline_restricted", "checkline_*_restricted"],
        },
    }
    os.umask(0o077)
    USERS.write_text(json.dumps(users), encoding="utf-8")
    # The server listens on the loopback interface only; a container is reached through another.
    inward = [f"TCP-LISTEN:{PORT},fork,reuseaddr,nodelay", f"TCP:127.0.0.1:{INNER_PORT},nodelay"]
    subprocess.Popen(["socat", *inward])
    server = [sys.executable, "-m", "infra.embedded.clickhouse", "/var/lib/clickhouse/data"]
    os.execv(sys.executable, [*server, "--port", str(INNER_PORT), "--users", str(USERS)])


if __name__ == "__main__":
    main()
