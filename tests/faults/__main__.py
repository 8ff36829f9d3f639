"""`python -m tests.faults`: the long run. Prints the report and keeps it as JSON; exit status 1: something differs."""

import argparse
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.harness import fault_run
from tests.faults.injectors import FAULTS

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kill everything; nothing may be lost.")
    parser.add_argument("--seed", type=int, default=None, help="repeat the run of this seed; drawn by default")
    parser.add_argument("--events", type=int, default=250_000)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=20, help="how often each fault strikes")
    parser.add_argument("--brokers", type=int, default=1, choices=(1, 3))
    parser.add_argument("--only", action="append", default=[], help="faults whose names hold this text")
    parser.add_argument("--home", type=Path, default=None, help="where the installation lies; temporary by default")
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if arguments.seed is None else arguments.seed
    faults = [fault for fault in FAULTS if not arguments.only or any(part in fault.name for part in arguments.only)]
    if not faults:
        parser.error(f"no fault is named so; faults are: {', '.join(fault.name for fault in FAULTS)}")
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # lost connections are what is asked for
    logging.getLogger("checkline").setLevel(logging.CRITICAL)
    _tell(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as temporary:
        report = fault_run(
            arguments.home or Path(temporary),
            faults,
            seed=seed,
            events=arguments.events,
            persons=arguments.persons,
            times=arguments.times,
            brokers=arguments.brokers,
            tell=_tell,
        )
    print("\n".join(report.lines()))
    report.write(arguments.results / f"{time.strftime('%Y-%m-%d')}-{arguments.brokers}-brokers-seed-{seed}.json")
    return 0 if report.holds else 1


def _tell(text: str) -> None:
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
