"""How long each fault takes to be seen: in the scrape, as an alarm, and on the page in a real browser."""

import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from playwright.sync_api import Page, sync_playwright
from prometheus_client.parser import text_string_to_metric_families

from infra.alarms.journal import Journal
from infra.alarms.places import Places
from infra.alarms.steps import Kind, Step
from tests.operations.faults import Fault
from tests.operations.installation import Installation, now_ms

LOOK_SECONDS = 0.2
SEEN_SECONDS = 60.0


class Seen(NamedTuple):
    """Seconds from a fault until it was seen; None: not within a minute. ``alarm_of``: the alarm that came first."""

    fault: str
    scrape: float | None
    alarm: float | None
    page: float | None
    alarm_of: str


@contextmanager
def chromium() -> Iterator[Page]:
    """A page in the machine's own Chromium."""
    executable = shutil.which("chromium")
    assert executable, "no chromium on this machine"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser.new_page(locale="en")
        finally:
            browser.close()


def samples(address: str, metric: str) -> list[tuple[dict[str, str], float]]:
    """The samples of a metric in the scrape."""
    text = _get(f"{address}/metrics").decode()
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric
    ]


def open_alarms(address: str) -> list[dict[str, Any]]:
    """The alarms that the page's own state names."""
    state: dict[str, Any] = json.loads(_get(f"{address}/api/state"))
    rows: list[dict[str, Any]] = state["alarms"]["alarms"]["rows"]
    return rows


def take_on(there: Installation) -> None:
    """Acknowledges every open alarm: what is over is closed then, and would be a new alarm when it comes again."""
    with Journal(Places.of_home(there.home).journal) as journal:
        steps = [
            Step(now_ms(), Kind.ACKNOWLEDGED, alarm["identity"], "tests")
            for alarm in open_alarms(there.address)
            if alarm["acknowledged_at"] is None
        ]
        journal.append(steps)


def watch(there: Installation, page: Page, fault: Fault) -> Seen:
    """Strikes, looks until all three have seen it, and undoes it."""
    take_on(there)
    page.goto(there.address)
    before = {alarm["identity"] for alarm in open_alarms(there.address)}
    began = fault.strike(there)
    found: dict[str, float] = {}
    raised: list[str] = []

    def see(channel: str, condition: Callable[[], object]) -> None:
        if channel not in found and condition():
            found[channel] = max(0.0, time.monotonic() - began)

    def is_new(identity: str) -> bool:
        return identity not in before and identity.partition(":")[0] in fault.rules

    while len(found) < 3 and time.monotonic() < began + SEEN_SECONDS:
        see("scrape", lambda: any(fault.sign(*one) for one in samples(there.address, fault.metric)))
        raised += [one["identity"] for one in open_alarms(there.address) if is_new(one["identity"])]
        see("alarm", raised.__len__)
        see("page", lambda: any(map(is_new, _on_page(page))))
        time.sleep(LOOK_SECONDS)
    fault.undo(there)
    return Seen(fault.name, found.get("scrape"), found.get("alarm"), found.get("page"), "".join(raised[:1]))


def _on_page(page: Page) -> list[str]:
    """Identities of the alarms that are drawn."""
    drawn: list[str] = page.locator("li.alarm").evaluate_all("found => found.map(one => one.dataset.key)")
    return drawn


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body


def answers(address: str) -> bool:
    """Whether the page is served."""
    try:
        return bool(_get(f"{address}/healthz"))
    except (urllib.error.URLError, OSError):
        return False
