"""The clock of the reference topic on a wall-clock home: one TIME_MARK each second.

Its marks tell every reader of `reference` how far it has read in time, also when nobody publishes anything.
"""

import signal
import threading
import time
from contextlib import closing

from infra.edge.publisher import Publisher
from infra.embedded.readiness import announce_ready
from infra.home import Home
from schemas import topics

PERIOD_SECONDS = 1.0
SOURCE = "reference-clock"


def run(home: Home) -> None:
    """Write marks until SIGTERM. Raises PublishFailed when one is not acknowledged in time."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    publisher = Publisher(home.kafka_bootstrap, client_options=home.settings.kafka.client_options(), linger_ms=0)
    with closing(publisher):
        while True:
            started = time.monotonic()
            # The time is the sequence number as well: a clock that was started again goes on above.
            now = time.time_ns() // 1_000_000
            publisher.publish_mark(topics.REFERENCE.name, partition=0, source=SOURCE, sequence=now, at=now)
            publisher.flush()
            announce_ready()
            if stop.wait(max(0.0, PERIOD_SECONDS - (time.monotonic() - started))):
                return
