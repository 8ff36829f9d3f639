"""Prometheus itself reads the scrape, judges the alerts, and has an answer to every query of the dashboard."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest

from infra.deploy.grafana.panels import ROWS
from infra.deploy.prometheus.rendering import alerts_file, prometheus_file
from infra.lag.exporter import exposition
from infra.settings import OperationsSettings
from tests.unit.infra.lag.scrape_snapshots import snapshot

SETTINGS = OperationsSettings()
PATIENCE_SECONDS = 60.0


class Page(BaseHTTPRequestHandler):
    """Answers as the operations page does."""

    def do_GET(self) -> None:
        body, content_type = exposition(snapshot(), [], SETTINGS, self.headers.get("Accept", ""))
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def serving() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def prometheus(directory: Path, scraped: int) -> Iterator[str]:
    (directory / "alerts.yml").write_text(alerts_file(SETTINGS), encoding="utf-8")
    (directory / "prometheus.yml").write_text(prometheus_file(scraped), encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--web.listen-address={address}",
        "--storage.tsdb.path=data",
    ]
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(command, cwd=directory, stdout=log, stderr=log) as process,
    ):
        try:
            yield f"http://{address}/api/v1"
        finally:
            process.terminate()


def asked(url: str) -> Any:
    with urlopen(url, timeout=5) as answer:
        return json.load(answer)["data"]


def firing(api: str) -> set[str]:
    try:
        return {one["labels"]["alertname"] for one in asked(f"{api}/alerts")["alerts"] if one["state"] == "firing"}
    except URLError:  # it starts
        return set()


@pytest.mark.long
@pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed: apt-get install prometheus"
)
def test_prometheus_takes_the_scrape_the_alerts_and_the_dashboard(tmp_path: Path) -> None:
    with serving() as port, prometheus(tmp_path, port) as api:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not firing(api) >= {"AuditDifference", "ReleaseOverdue", "DeadlinesWillBeMissed", "Watchdog"}:
            assert time.monotonic() < deadline, firing(api)
            threading.Event().wait(0.2)
        assert not firing(api) & {
            "ScrapeSilent",
            "SourceSilent",
            "WorkerDown",
            "SinkDown",
            "PartDown",
            "PartitionStuck",
        }
        groups = asked(f"{api}/rules")["groups"]
        assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
        queries = [query.expression for _, specs in ROWS for spec in specs for query in spec.queries]
        for name in ("job", "instance", "group", "topic", "district"):
            queries = [query.replace(f"${name}", ".+") for query in queries]
        queries = [query.replace("$__rate_interval", "20s") for query in queries]
        # Of alarms only those that are open are listed, and none is.
        empty = [query for query in queries if not asked(f"{api}/query?query={quote(query)}")["result"]]
        assert all(query.startswith("checkline_alarms_open") for query in empty), empty
