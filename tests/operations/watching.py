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

from infra.alarms.rules import RULES
from tests.operations.faults import Fault, wait_until
from tests.operations.installation import Installation

LOOK_SECONDS = 0.2
SEEN_SECONDS = 60.0
CALM_SECONDS = 90.0
TITLES = {rule.name: rule.title_en for rule in RULES}


class Seen(NamedTuple):
    """Seconds from a fault until it was seen; None: not within a minute. ``rule``: the alarm that came first."""

    fault: str
    scrape: float | None
    alarm: float | None
    page: float | None
    rule: str | None


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


def active_rules(address: str) -> set[str]:
    """Rules of the alarms whose condition holds now."""
    state: dict[str, Any] = json.loads(_get(f"{address}/api/state"))
    return {alarm["rule"] for alarm in state["alarms"]["alarms"]["rows"] if alarm["cleared_at"] is None}


def watch(there: Installation, page: Page, fault: Fault) -> Seen:
    """Strikes, looks until all three have seen it, and undoes it."""
    wait_until(f"no {' or '.join(fault.rules)} before the fault", lambda: not _raised(there, fault), CALM_SECONDS)
    page.goto(there.address)
    before = _titles_on(page, fault)
    began = fault.strike(there)
    found: dict[str, float] = {}
    rule: str | None = None

    def see(channel: str, condition: Callable[[], bool]) -> None:
        if channel not in found and condition():
            found[channel] = max(0.0, time.monotonic() - began)

    while len(found) < 3 and time.monotonic() < began + SEEN_SECONDS:
        see("scrape", lambda: any(fault.sign(*one) for one in samples(there.address, fault.metric)))
        see("alarm", lambda: bool(_raised(there, fault)))
        if "alarm" in found and rule is None:
            rule = min(_raised(there, fault), default=None)
        see("page", lambda: bool(_titles_on(page, fault) - before))
        time.sleep(LOOK_SECONDS)
    fault.undo(there)
    return Seen(fault.name, found.get("scrape"), found.get("alarm"), found.get("page"), rule)


def _titles_on(page: Page, fault: Fault) -> set[str]:
    """Rules of the fault whose alarm the page shows."""
    text = page.inner_text("body")
    return {rule for rule in fault.rules if TITLES[rule] in text}


def _raised(there: Installation, fault: Fault) -> set[str]:
    return active_rules(there.address) & set(fault.rules)


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
