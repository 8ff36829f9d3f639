"""`publish`: events from a file into Kafka."""

from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import JsonOption, complain, errors, progress, write_json


def publish(
    file: Annotated[Path, typer.Argument(help="JSON lines, or CSV with a header (*.csv).")],
    validate_only: Annotated[bool, typer.Option("--validate-only", help="Only say which lines are good.")] = False,
    json_output: JsonOption = False,
) -> None:
    """Publish the good lines of a file of events; exit status 1 when a line was bad."""
    from infra.cli.reaching import home_with
    from infra.edge.event_files import BadLine, read_events
    from infra.edge.publisher import Publisher

    good: Counter[str] = Counter()
    bad: list[BadLine] = []
    bad_lines = 0
    reading = read_events(file)
    publisher = None
    event_clock = False
    if not validate_only:
        home = home_with("kafka")
        # In a home whose clock is that of its events, a record's time is when it was sent.
        event_clock = home.clock == "event"
        publisher = Publisher(home.kafka_bootstrap, client_options=home.settings.kafka.client_options())
    with publisher or nullcontext(), progress() as bar:
        task = bar.add_task(file.name, total=file.stat().st_size if file.exists() else None)
        for results, position in reading:
            bar.update(task, completed=position)
            bad_lines += isinstance(results[0], BadLine)
            for result in results:
                if isinstance(result, BadLine):
                    bad.append(result)
                    if not json_output:
                        complain(f"{file}: {result}")
                    continue
                good[result.event.topic.name] += 1
                if publisher is not None:
                    publisher.publish(result.event, appended_at=result.event.sent_at if event_clock else None)
    if json_output:
        write_json(
            {
                "file": str(file),
                "published": 0 if validate_only else good.total(),
                "good": good.total(),
                "good_by_topic": dict(sorted(good.items())),
                "bad": bad_lines,
                "problems": [problem._asdict() for problem in bad],
            }
        )
    else:
        done = "good" if validate_only else "published"
        errors.print(f"{good.total()} {done}, {bad_lines} bad")
    if bad:
        raise typer.Exit(1)
