"""What the tests on containers start from: the images, or a plain word on why the tests were left out."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.containers.images import Images, LeftOut, find_images
from tests.containers.stores import running_stores
from tests.support.pipeline_cases import FreshStores

REQUIRE_VARIABLE = "CHECKLINE_TEST_CONTAINERS"
USED = pytest.StashKey[Images]()


@pytest.fixture(scope="session")
def images(request: pytest.FixtureRequest) -> Images:
    """The images of this session. Without them the tests are left out, or fail where they are required."""
    try:
        found = find_images()
    except LeftOut as reason:
        if os.environ.get(REQUIRE_VARIABLE) == "require":
            pytest.fail(f"containers are required, but {reason}", pytrace=False)
        pytest.skip(f"the tests on containers were left out: {reason}")
    request.config.stash[USED] = found
    return found


@pytest.fixture(scope="module")
def fresh_stores(images: Images) -> FreshStores:
    """An empty Kafka and ClickHouse in containers for each installation."""

    @contextmanager
    def start() -> Iterator[dict[str, str]]:
        with running_stores(images) as stores:
            yield dict(stores.variables)

    return start


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say on which images the tests ran."""
    if USED in config.stash:
        terminalreporter.line(f"tests/containers ran on: {config.stash[USED]}")
