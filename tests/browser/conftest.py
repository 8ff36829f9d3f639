"""One headless Chromium of this machine for all browser tests. Where there is none they are left out."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

BUSY_MACHINE_SECONDS = 60
"""How long a page may take on a busy machine; each wait ends as soon as what it is for is there."""

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser. Not for the whole session: while it runs, no test can run an event loop of its own."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    expect.set_options(timeout=BUSY_MACHINE_SECONDS * 1000)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, "--disable-gpu"])
        yield found
        found.close()
