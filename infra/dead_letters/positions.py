"""Positions of the log, as people write them: `topic/partition/offset`."""

import re
from typing import NamedTuple

from infra.errors import WrongSetting
from schemas import topics

_WRITTEN = re.compile(r"(?P<topic>[a-z-]+)/(?P<partition>\d{1,9})/(?P<offset>\d{1,18})", re.ASCII)


class Position(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def parse_position(text: str) -> Position:
    """The position that a text names. Raises WrongSetting."""
    found = _WRITTEN.fullmatch(text)
    if found is None or found["topic"] not in {topic.name for topic in topics.INPUT_TOPICS}:
        raise WrongSetting(
            f"{text} is no position of an input topic: write it like temperatures/3/17, as checkline dead-letters list "
            "does"
        )
    return Position(found["topic"], int(found["partition"]), int(found["offset"]))
