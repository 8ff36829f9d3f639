"""What the dashboard shows, row by row as on our own page: every number from a metric of the catalogue."""

from typing import Literal, NamedTuple

from infra.lag import metrics as m
from infra.lag.metrics import Metric

HOME = 'job=~"$job", instance=~"$instance"'
Kind = Literal["stat", "timeseries", "table"]


class Query(NamedTuple):
    """``legend`` in Grafana's notation: {{group}}."""

    expression: str
    legend: str


class PanelSpec(NamedTuple):
    """``width`` of 24; ``limits``: from which values it is yellow and red, None: no value is bad by itself."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 12
    limits: tuple[float, float] | None = None


def of(metric: Metric, matchers: str = "", suffix: str = "") -> str:
    """The series of a metric at the installations that are chosen."""
    chosen = "".join(f', {label}=~"${label}"' for label in ("group", "topic", "district") if label in metric.labels)
    return f"{metric.name}{suffix}{{{HOME}{chosen}{matchers and ', ' + matchers}}}"


def _stat(
    title: str, metric: Metric, expression: str, unit: str, limits: tuple[float, float], description: str = ""
) -> PanelSpec:
    return PanelSpec(title, description or metric.meaning, unit, (Query(expression, title),), "stat", 4, limits)


def _over_time(
    title: str,
    metric: Metric,
    unit: str,
    legend: str,
    expression: str = "",
    width: int = 12,
    limits: tuple[float, float] | None = None,
) -> PanelSpec:
    return PanelSpec(
        title, metric.meaning, unit, (Query(expression or of(metric), legend),), width=width, limits=limits
    )


def _quantiles(metric: Metric, by: str) -> tuple[Query, ...]:
    buckets = f"sum by (le, {by}) (rate({of(metric, suffix='_bucket')}[$__rate_interval]))"
    return tuple(
        Query(f"histogram_quantile({share}, {buckets})", f"{{{{{by}}}}} p{share * 100:.0f}")
        for share in (0.5, 0.95, 0.99)
    )


OVERVIEW = (
    _stat(
        "Open alarms nobody took · 未确认告警",
        m.ALARMS_UNACKNOWLEDGED,
        f"sum({of(m.ALARMS_UNACKNOWLEDGED)})",
        "short",
        (1, 5),
    ),
    _stat(
        "Sources silent · 无应答来源",
        m.SOURCE_UP,
        f"count({of(m.SOURCE_UP)}) - sum({of(m.SOURCE_UP)})",
        "short",
        (1, 2),
        "Sources that do not answer: nothing is known now of what they tell.",
    ),
    _stat(
        "Parts not ready · 未就绪组件",
        m.PART_UP,
        f"count({of(m.PART_UP)}) - sum({of(m.PART_UP)})",
        "short",
        (1, 2),
        "Parts in any other state than ready.",
    ),
    _stat("Oldest unread event · 最久未读", m.GROUP_LAG_SECONDS, f"max({of(m.GROUP_LAG_SECONDS)})", "s", (10, 60)),
    _stat("Events waiting · 积压条数", m.GROUP_LAG, f"sum({of(m.GROUP_LAG)})", "short", (10_000, 1_000_000)),
    _stat(
        "Event to queryable, p95 · 入库延迟",
        m.QUERYABLE_LATELY,
        "max(" + of(m.QUERYABLE_LATELY, 'quantile="0.95"') + ")",
        "s",
        (10, 60),
    ),
    _stat("Overdue · 超期", m.CLOCKS_OVERDUE, f"sum({of(m.CLOCKS_OVERDUE)})", "short", (1, 20)),
    _stat("Overdue releases · 超期未解除", m.RELEASES_OVERDUE, f"sum({of(m.RELEASES_OVERDUE)})", "short", (1, 2)),
    _stat("Reports missing · 应报未报", m.REPORTS_MISSING, f"sum({of(m.REPORTS_MISSING)})", "short", (1, 20)),
    _stat(
        "Dead letters lately · 近期死信", m.DEAD_LETTERS_LATELY, f"sum({of(m.DEAD_LETTERS_LATELY)})", "short", (1, 10)
    ),
    _stat("Devices silent · 无数据设备", m.DEVICES_SILENT, f"sum({of(m.DEVICES_SILENT)})", "short", (1, 10)),
    _stat("Audit differences · 稽核不符", m.AUDIT_DIFFERENCES, f"sum({of(m.AUDIT_DIFFERENCES)})", "short", (1, 1)),
)

LAG = (
    _over_time(
        "Lag in events · 积压条数",
        m.GROUP_TOPIC_SUM_LAG,
        "short",
        "{{group}} {{topic}}",
        f"sum by (group, topic) ({of(m.GROUP_TOPIC_SUM_LAG)})",
    ),
    _over_time(
        "Lag in seconds · 积压时长",
        m.GROUP_LAG_SECONDS,
        "s",
        "{{group}} {{topic}}",
        f"max by (group, topic) ({of(m.GROUP_LAG_SECONDS)})",
        limits=(10, 60),
    ),
    _over_time(
        "Time to drain · 预计清空",
        m.DRAIN,
        "s",
        "{{group}} {{topic}}",
        f"max by (group, topic) ({of(m.DRAIN)})",
        width=8,
    ),
    _over_time(
        "Committed offset stands still · 位点停滞",
        m.COMMIT_STALENESS,
        "s",
        "{{group}} {{topic}}",
        f"max by (group, topic) ({of(m.COMMIT_STALENESS)})",
        width=8,
        limits=(5, 10),
    ),
    _over_time(
        "Retention left for unread events · 未读数据保留余量",
        m.RETENTION_MARGIN,
        "s",
        "{{group}} {{topic}}",
        f"min by (group, topic) ({of(m.RETENTION_MARGIN)})",
        width=8,
    ),
    _over_time("Group members · 成员数", m.GROUP_MEMBERS, "short", "{{group}}", width=8),
    _over_time(
        "Rebalances · 重新分配",
        m.GROUP_REBALANCES,
        "short",
        "{{group}}",
        f"increase({of(m.GROUP_REBALANCES)}[$__rate_interval])",
        width=8,
    ),
    _over_time(
        "Events lost unread · 未读即删",
        m.GROUP_MESSAGES_LOST,
        "short",
        "{{group}} {{topic}}",
        f"sum by (group, topic) ({of(m.GROUP_MESSAGES_LOST)})",
        width=8,
    ),
)

DELAYS = (
    PanelSpec("Event to queryable · 入库延迟", m.QUERYABLE.meaning, "s", _quantiles(m.QUERYABLE, "topic")),
    _over_time(
        "Event to queryable by district, p95 lately · 各区入库延迟",
        m.QUERYABLE_LATELY,
        "s",
        "{{topic}} {{district}}",
        of(m.QUERYABLE_LATELY, 'quantile="0.95"'),
    ),
    _over_time(
        "Watermark lag · 水位滞后",
        m.WATERMARK_LAG,
        "s",
        "{{part}}",
        f"max by (part) ({of(m.WATERMARK_LAG)})",
        width=6,
    ),
    PanelSpec("Ticks late · 提醒延迟", m.TICK_LATENESS.meaning, "s", _quantiles(m.TICK_LATENESS, "part"), width=6),
    _over_time("Due and not announced yet · 待提醒", m.DUE_WAITING, "short", "{{part}}", width=6),
    _over_time("Longest due and not announced · 最久待提醒", m.OLDEST_DUE, "s", "{{part}}", width=6, limits=(1, 5)),
)

QUEUES = (
    _over_time(
        "Overdue by duty · 各类超期",
        m.CLOCKS_OVERDUE,
        "short",
        "{{duty}}",
        f"sum by (duty) ({of(m.CLOCKS_OVERDUE)})",
        width=8,
    ),
    _over_time(
        "Overdue by district · 各区超期",
        m.CLOCKS_OVERDUE,
        "short",
        "{{district}}",
        f"sum by (district) ({of(m.CLOCKS_OVERDUE)})",
        width=8,
    ),
    _over_time(
        "Due within the hour · 一小时内到期",
        m.CLOCKS_DUE_SOON,
        "short",
        "{{duty}}",
        f"sum by (duty) ({of(m.CLOCKS_DUE_SOON)})",
        width=8,
    ),
    _over_time(
        "Open by duty · 各类未结", m.CLOCKS_OPEN, "short", "{{duty}}", f"sum by (duty) ({of(m.CLOCKS_OPEN)})", width=8
    ),
    _over_time(
        "Oldest overdue · 最久超期", m.CLOCKS_OLDEST, "s", "{{duty}}", f"max by (duty) ({of(m.CLOCKS_OLDEST)})", width=8
    ),
    _over_time("Breaches lately · 近期超期", m.BREACHES_LATELY, "short", "breaches", width=8, limits=(10, 20)),
    _over_time(
        "Overdue releases · 超期未解除",
        m.RELEASES_OVERDUE,
        "short",
        "{{duty}} {{district}}",
        limits=(1, 2),
    ),
    _over_time("Forecast: will be missed · 预计超期", m.FORECAST_MISSES, "short", "{{duty}} {{district}}"),
)

FORECAST = (
    PanelSpec(
        "Forecast with its interval · 预测区间",
        "What the present pace comes to, and between which bounds with nine in ten probability.",
        "short",
        tuple(
            Query(f"sum by (duty) ({of(metric)})", f"{{{{duty}}}} {name}")
            for metric, name in (
                (m.FORECAST_MISSES, "about"),
                (m.FORECAST_LOW, "at least"),
                (m.FORECAST_HIGH, "at most"),
            )
        ),
        width=8,
    ),
    _over_time("Error of earlier forecasts · 以往误差", m.FORECAST_ERROR, "short", "{{duty}} {{district}}", width=8),
    PanelSpec(
        "Pace and room · 进度与余力",
        "Clocks done in an hour lately, and what units with room could do besides.",
        "short",
        (
            Query(f"sum by (duty) ({of(m.FORECAST_PACE)})", "{{duty}} pace"),
            Query(f"sum by (duty) ({of(m.FORECAST_SPARE)})", "{{duty}} spare"),
        ),
        width=8,
    ),
)

ARRIVING = (
    _over_time("Dead letters that wait · 待处理死信", m.DEAD_LETTERS_OPEN, "short", "{{topic}} {{reason}}", width=8),
    _over_time(
        "Dead-letter ratio · 死信比例",
        m.DEAD_LETTER_RATIO,
        "percentunit",
        "{{topic}} {{reason}}",
        width=8,
        limits=(0.005, 0.01),
    ),
    _over_time("Records arrived lately · 近期到达", m.ARRIVED_LATELY, "short", "{{topic}}", width=8),
    _over_time("Duplicates · 重复", m.DUPLICATES, "short", "{{topic}}", width=8),
    _over_time("Conflicts · 同号异文", m.CONFLICTS, "short", "{{topic}}", width=8, limits=(1, 10)),
    _over_time("Records refused · 拒收", m.REFUSED, "short", "{{topic}}", width=8),
)

DEVICES = (
    PanelSpec(
        "Devices · 设备",
        "Devices that are known, silent, never heard of, or whose clock is wrong.",
        "short",
        tuple(
            Query(f"sum({of(metric)})", name)
            for metric, name in (
                (m.DEVICES_KNOWN, "known"),
                (m.DEVICES_SILENT, "silent"),
                (m.DEVICES_NEVER, "never heard of"),
                (m.DEVICES_SKEWED, "clock wrong"),
            )
        ),
        width=8,
    ),
    _over_time("Events missing by district · 各区缺号", m.DEVICES_GAPS, "short", "{{district}}", width=8),
    _over_time(
        "Longest silent · 最久无数据",
        m.DEVICE_SILENCE,
        "s",
        "{{device}} {{site}}",
        f"topk(10, {of(m.DEVICE_SILENCE)})",
        width=8,
    ),
    _over_time(
        "Clocks furthest off · 时钟偏差最大",
        m.DEVICE_SKEW,
        "s",
        "{{device}} {{site}}",
        f"topk(10, abs({of(m.DEVICE_SKEW)}))",
    ),
    _over_time(
        "Most events missing · 缺号最多",
        m.DEVICE_GAPS,
        "short",
        "{{device}} {{site}}",
        f"topk(10, {of(m.DEVICE_GAPS)})",
    ),
)

CHECKPOINTS = (
    _over_time("Passages per minute · 每分钟通过", m.PASSAGES, "short", "{{site}} {{lane}}", width=8),
    _over_time(
        "Waiting · 等候人数",
        m.WAITING,
        "short",
        "{{site}}",
        f"sum by (site) ({of(m.WAITING)})",
        width=8,
        limits=(25, 50),
    ),
    _over_time(
        "Arrival to decision, p90 · 等候时长",
        m.WAIT,
        "s",
        "{{site}} {{lane}}",
        of(m.WAIT, 'quantile="0.9"'),
        width=8,
        limits=(300, 600),
    ),
)

PROOF = (
    _over_time("Reports missing · 应报未报", m.REPORTS_MISSING, "short", "{{schedule}} {{district}}", width=8),
    _over_time(
        "Completeness of the newest totals · 完整率",
        m.REPORT_COMPLETENESS,
        "percentunit",
        "{{schedule}} {{indicator}}",
        width=8,
    ),
    _over_time("Audit differences · 稽核不符", m.AUDIT_DIFFERENCES, "short", "{{check}}", width=8, limits=(1, 1)),
    _over_time("Since the last round of the audit · 上轮稽核距今", m.AUDIT_AGE, "s", "age", width=6, limits=(450, 900)),
    _over_time(
        "Ledger behind the log · 台账落后",
        m.LEDGER_BEHIND,
        "short",
        "{{topic}}",
        f"sum by (topic) ({of(m.LEDGER_BEHIND)})",
        width=6,
    ),
    _over_time(
        "Hours not counted again yet · 待重算小时",
        m.LEDGER_UNCOUNTED,
        "short",
        "{{topic}}",
        f"sum by (topic) ({of(m.LEDGER_UNCOUNTED)})",
        width=6,
    ),
    _over_time("Rows not read back · 未读回行数", m.NOT_READ_BACK, "short", "rows", width=6, limits=(1, 1)),
)

PROCESSES = (
    _over_time("Parts ready · 组件就绪", m.PART_UP, "bool_yes_no", "{{part}}", width=8),
    _over_time(
        "Restarts · 重启",
        m.PART_RESTARTS,
        "short",
        "{{part}}",
        f"increase({of(m.PART_RESTARTS)}[$__rate_interval])",
        width=8,
    ),
    _over_time("Memory · 内存", m.PART_MEMORY, "bytes", "{{part}}", width=8),
    _over_time(
        "Processor · CPU", m.PART_CPU, "percentunit", "{{part}}", f"rate({of(m.PART_CPU)}[$__rate_interval])", width=8
    ),
    _over_time("Left to recover · 待恢复", m.WORKER_RECOVERY_REMAINING, "short", "{{part}}", width=8),
    _over_time("Recovery takes · 恢复用时", m.WORKER_RECOVERY_SECONDS, "s", "{{part}}", width=8),
    _over_time("Workers' stores · 状态存储", m.WORKER_STORE, "bytes", "{{part}}", width=8),
    _over_time("Tables on disk · 表占用", m.COLUMN_STORE, "bytes", "tables", width=8),
    PanelSpec(
        "Brokers · 消息节点",
        "Brokers that answer, that there should be, and partitions with too few copies in step.",
        "short",
        (
            Query(of(m.BROKERS), "answer"),
            Query(of(m.BROKERS_EXPECTED), "expected"),
            Query(of(m.UNDER_REPLICATED), "under-replicated"),
        ),
        width=8,
    ),
)

SCRAPE = (
    PanelSpec(
        "Open alarms · 未结告警",
        m.ALARMS_OPEN.meaning,
        "short",
        (Query(f"{of(m.ALARMS_OPEN)} > 0", "{{rule}}"),),
        "table",
        6,
    ),
    _over_time("Sources' last words · 来源最后应答", m.SOURCE_AGE, "s", "{{source}}", width=6, limits=(15, 30)),
    _over_time("Rows without a series of their own · 合并显示的行数", m.SERIES_CUT, "short", "{{section}}", width=6),
    _over_time("Age of the tables' answers · 各查询距今", m.QUESTION_AGE, "s", "{{question}}", width=6),
)

ROWS: tuple[tuple[str, tuple[PanelSpec, ...]], ...] = (
    ("Overview · 总览", OVERVIEW),
    ("Lag · 积压", LAG),
    ("Delays and ticks · 延迟与提醒", DELAYS),
    ("Queues and releases · 时限队列与解除", QUEUES),
    ("Forecast · 预测", FORECAST),
    ("Dead letters and arrivals · 死信与到达", ARRIVING),
    ("Devices · 设备", DEVICES),
    ("Checkpoints · 卡口", CHECKPOINTS),
    ("Reports and proof · 报表与证明", PROOF),
    ("Parts, recovery, memory · 组件、恢复、内存", PROCESSES),
    ("Alarms and the scrape · 告警与采集", SCRAPE),
)
