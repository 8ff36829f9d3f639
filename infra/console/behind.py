"""What is behind the numbers of each section: the query, or the command, that gives them again."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from infra.console.naming import Name
from infra.lag.questions import QUESTIONS

COMMANDS: Mapping[str, Sequence[tuple[str, Name]]] = {
    "alarms": (("checkline alarms list", Name("All open alarms", "全部未结告警")),),
    "partitions": (
        ("checkline lag --partitions", Name("Each group on each partition", "各消费组各分区滞后")),
        ("checkline lag --watch", Name("The same, as it changes", "持续观察滞后")),
    ),
    "forecast": (("checkline status --json", Name("Everything that is known, as JSON", "全部状态(JSON)")),),
    "dead_letters": (
        ("checkline dead-letters list", Name("Those that wait for somebody", "待处理死信清单")),
        ("checkline dead-letters show TOPIC/PARTITION/OFFSET", Name("What is wrong with one", "单条死信详情")),
    ),
    "audit": (
        ("checkline audit", Name("The account of the log against the tables", "日志与数据表核查")),
        ("checkline audit --repair --dry-run", Name("How differences would be mended", "差异修复预案")),
    ),
    "parts": (("checkline status", Name("Parts of this installation", "本机各进程")),),
    "workers": (("checkline status --json", Name("What the workers say of themselves", "处理进程自报状态")),),
}
"""Per section: commands, with what they show."""

ASKED: Mapping[str, Sequence[str]] = {
    "clocks": ("clocks", "breaches"),
    "reports": ("report_totals", "missing_reports"),
    "dead_letters": ("dead_letters", "dead_letters_lately", "topics", "topics_lately", "conflicts"),
    "devices": ("devices", "devices_lately", "sites"),
    "queryable": ("queryable", "not_read_back", "store_size"),
    "ledger": ("coverage", "blocks", "ledger_ends"),
}
"""Per section: names of the questions that the collector of the tables asks."""

_ALSO = {"forecast": ("clocks",)}
QUERIES: Mapping[str, tuple[Name, str]] = {
    "checkpoints": (
        Name("Passages of each lane by the minute, and how many were decided on", "各通道每分钟通行与处置"),
        "SELECT minute, site, lane, passages, decided\nFROM checkline.checkpoint_passages\n"
        "ORDER BY minute DESC LIMIT 50",
    ),
}
"""Per section: what the tables can be asked, where the collector asks it in a way of its own."""


class Behind(NamedTuple):
    """A text that can be copied. ``kind``: `sql` or `command`."""

    kind: str
    title: Name
    text: str


def behind() -> dict[str, tuple[Behind, ...]]:
    """For each section, in the order in which they are shown: queries, then commands."""
    questions = {question.name: question for question in QUESTIONS}
    found: dict[str, tuple[Behind, ...]] = {}
    for section in {**ASKED, **COMMANDS, **QUERIES}:
        asked = [questions[name] for name in (*ASKED.get(section, ()), *_ALSO.get(section, ()))]
        query = QUERIES.get(section)
        found[section] = (
            *(Behind("sql", Name(one.title_en, one.title_zh), one.sql.strip()) for one in asked),
            *((Behind("sql", *query),) if query else ()),
            *(Behind("command", title, command) for command, title in COMMANDS.get(section, ())),
        )
    return found
