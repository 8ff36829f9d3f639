"""The dashboard as Grafana reads it."""

from itertools import count

from grafana_foundation_sdk.builders import common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders.common import VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DatasourceVariable,
    QueryVariable,
    Row,
    ThresholdsConfig,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from infra.deploy.grafana.panels import HOME, ROWS, PanelSpec
from infra.lag import metrics as m

SOURCE = DataSourceRef("prometheus", "$datasource")
HEIGHTS = {"stat": 4, "timeseries": 8, "table": 8}
# Told apart by colour-blind readers too.
GOOD, WARNING, BAD = "#0072B2", "#E69F00", "#D55E00"

AnyPanel = stat.Panel | table.Panel | timeseries.Panel


def dashboard_json() -> str:
    """The dashboard as it is imported; the same text every time."""
    board = (
        Dashboard("Checkline: operations")
        .uid("checkline-operations")
        .description("Lag that can be believed: what waits, for how long, and what to do. 运行总览")
        .tags(["checkline", "kafka"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    chosen = ""
    for name, label, metric in (
        ("job", "Job", m.SOURCE_UP),
        ("instance", "Instance", m.SOURCE_UP),
        ("group", "Consumer group · 消费组", m.GROUP_LAG),
        ("topic", "Topic · 主题", m.GROUP_LAG),
        ("district", "District · 区", m.CLOCKS_OPEN),
    ):
        within = chosen if name in ("job", "instance") else HOME
        board = board.with_variable(_variable(name, label, f"{metric.name}{{{within}}}" if within else metric.name))
        chosen = 'job=~"$job"'
    numbers = count(1)
    for title, specs in ROWS:
        board = board.with_row(Row(title).id(next(numbers)))
        for spec in specs:
            board = board.with_panel(_panel(spec).id(next(numbers)))
    return JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False).encode(board.build()) + "\n"


def _variable(name: str, label: str, series: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _panel(spec: PanelSpec) -> AnyPanel:
    panel = _shaped(spec)
    panel = (
        panel.title(spec.title)
        .description(spec.description)
        .datasource(SOURCE)
        .unit(spec.unit)
        .no_value("unknown · 未知")
        .span(spec.width)
        .height(HEIGHTS[spec.kind])
        .thresholds(_thresholds(spec))
    )
    for number, query in enumerate(spec.queries):
        target = (
            prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(chr(ord("A") + number))
        )
        target = target.datasource(SOURCE)
        if spec.kind == "table":
            target = target.instant().format(PromQueryFormat.TABLE)
        panel = panel.with_target(target)
    return panel


def _shaped(spec: PanelSpec) -> AnyPanel:
    if spec.kind == "stat":
        return stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if spec.kind == "table":
        return table.Panel()
    panel = timeseries.Panel().legend(
        VizLegendOptions()
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs([])
    )
    panel = panel.tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    if spec.limits is not None:
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    return panel


def _thresholds(spec: PanelSpec) -> ThresholdsConfig:
    steps = [Threshold(value=None, color=GOOD)]
    if spec.limits is not None:
        warning, bad = spec.limits
        steps += [Threshold(value=warning, color=WARNING)] * (warning < bad) + [Threshold(value=bad, color=BAD)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
