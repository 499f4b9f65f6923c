"""Makes Grafana's JSON, in the form that provisioning reads, of what `describing` describes."""

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    logs,
    loki,
    prometheus,
    stat,
    statetimeline,
    table,
    tempo,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as shapes
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.generate.describing import WIDTH, Choice, Dashboard, Kind, Link, Mark, Panel, Query, Source

AnyPanel = stat.Panel | timeseries.Panel | bargauge.Panel | statetimeline.Panel | table.Panel | logs.Panel

MIXED = models.DataSourceRef(type_val="datasource", uid="-- Mixed --")
LAST = common.ReduceDataOptions().calcs(["lastNotNull"])


def rendered(told: Dashboard, others: tuple[Dashboard, ...]) -> str:
    """The dashboard's file. `others` are linked at its top."""
    page = (
        dashboards.Dashboard(told.title)
        .uid(told.uid)
        .description(told.description)
        .tags(["uvote"])
        .readonly()
        .time(f"now-{told.since}", "now")
        .refresh("10s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .timezone("browser")
        .annotations([_annotation(mark) for mark in told.marks])
        .links([_top_link(other) for other in others if other.uid != told.uid])
        .variables([*map(_datasource, _sources(told)), *map(_variable, told.choices)])
    )
    for number, (panel, place) in enumerate(_places(told), start=1):
        page.with_panel(_panel(panel, number, place))
    document = json.loads(JSONEncoder(sort_keys=True).encode(page.build()))
    _mend(document, told)
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _mend(document: dict[str, Any], told: Dashboard) -> None:
    """Adds what the SDK has no words for."""
    for annotation, mark in zip(document["annotations"]["list"], told.marks, strict=True):
        annotation |= {"titleFormat": mark.name, "textFormat": mark.title, "step": "10s"}
    for variable in document["templating"]["list"]:
        del variable["id"]  # made anew each time


def _places(told: Dashboard) -> list[tuple[Panel, models.GridPos]]:
    """Each panel with its place: rows below one another, panels side by side."""
    places, top = [], 0
    for row in told.rows:
        edges = [0]
        for panel in row.panels:
            edges.append(edges[-1] + panel.width)
        assert edges[-1] == WIDTH, f"{told.uid}: {[panel.title for panel in row.panels]} fill {edges[-1]}"
        for panel, (left, right) in zip(row.panels, pairwise(edges), strict=True):
            places.append((panel, models.GridPos(h=row.height, w=right - left, x=left, y=top)))
        top += row.height
    return places


def _sources(told: Dashboard) -> list[Source]:
    """What it asks and links to, in a fixed order."""
    used = {query.source for panel in told.panels for query in panel.queries}
    used |= {mark.query.source for mark in told.marks}
    urls = "".join(link.url for panel in told.panels for link in panel.links)
    return [source for source in Source if source in used or f"${{{source.variable}}}" in urls]


def _datasource(source: Source) -> dashboards.DatasourceVariable:
    side = source.uid.partition("_")[2]
    return (
        dashboards.DatasourceVariable(source.variable)
        .label(source.variable.replace("_", " ").capitalize())
        .type(source.type)
        .regex(f"/{side}/" if side else "")
        .current(models.VariableOption(text=source.uid, value=source.uid))
        .hide(models.VariableHide.HIDE_VARIABLE)
    )


def _variable(choice: Choice) -> dashboards.QueryVariable:
    return (
        dashboards.QueryVariable(choice.name)
        .label(choice.label)
        .datasource(_reference(Source.METRICS))
        .query(choice.question)
        .regex(choice.pattern)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.DISABLED)
    )


def _reference(source: Source) -> models.DataSourceRef:
    return models.DataSourceRef(type_val=source.type, uid=f"${{{source.variable}}}")


def _annotation(mark: Mark) -> dashboards.AnnotationQuery:
    return (
        dashboards.AnnotationQuery()
        .name(mark.name)
        .datasource(_reference(mark.query.source))
        .enable(True)
        .icon_color(mark.colour)
        .expr(mark.query.text)
    )


def _top_link(other: Dashboard) -> dashboards.DashboardLink:
    return (
        dashboards.DashboardLink(other.title)
        .type(models.DashboardLinkType.LINK)
        .url(f"/d/{other.uid}")
        .tooltip(other.description)
        .keep_time(True)
    )


def _link(link: Link) -> dashboards.DashboardLink:
    return dashboards.DashboardLink(link.title).type(models.DashboardLinkType.LINK).url(link.url)


def _target(query: Query, number: int, kind: Kind) -> prometheus.Dataquery | loki.Dataquery | tempo.TempoQuery:
    name = chr(ord("A") + number)
    if query.source.type == "tempo":
        traces = tempo.TempoQuery().query_type("traceql").query(query.text).limit(20)
        return traces.ref_id(name).datasource(_reference(query.source))
    if query.source.type == "loki":
        lines = loki.Dataquery().expr(query.text).legend_format(query.legend)
        return lines.ref_id(name).datasource(_reference(query.source))
    numbers = prometheus.Dataquery().expr(query.text).legend_format(query.legend).exemplar(query.exemplars)
    numbers = numbers.ref_id(name).datasource(_reference(query.source))
    over_time = kind in {"timeseries", "state-timeline"}
    numbers = numbers.range() if over_time else numbers.instant()
    return numbers.format(PromQueryFormat.TABLE if kind == "table" else PromQueryFormat.TIME_SERIES)


def _panel(told: Panel, number: int, place: models.GridPos) -> AnyPanel:
    panel = BUILDERS[told.kind](told)
    sources = {query.source for query in told.queries}
    (panel.id(number).title(told.title).description(told.full_description).grid_pos(place))
    panel.datasource(_reference(sources.pop()) if len(sources) == 1 else MIXED)
    panel.targets([_target(query, index, told.kind) for index, query in enumerate(told.queries)])
    panel.links([_link(link) for link in told.links if not link.of_value])
    panel.data_links([_link(link) for link in told.links if link.of_value])
    panel.unit(told.unit).no_value(told.empty).thresholds(_thresholds(told))
    if told.words:
        panel.mappings([_mapping(told.words)])
    if told.decimals is not None:
        panel.decimals(told.decimals)
    if told.most is not None:
        panel.min(0).max(told.most)
    return panel


def _thresholds(told: Panel) -> dashboards.ThresholdsConfig:
    steps = [models.Threshold(value=None, color=told.base)]
    steps += [models.Threshold(value=step.value, color=step.colour) for step in told.steps]
    return dashboards.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _mapping(words: Mapping[int, tuple[str, str]]) -> models.ValueMap:
    return models.ValueMap(
        {
            str(value): models.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(words.items())
        }
    )


def _by_thresholds() -> dashboards.FieldColor:
    return dashboards.FieldColor().mode(models.FieldColorModeId.THRESHOLDS)


def _stat(told: Panel) -> stat.Panel:
    colour = shapes.BigValueColorMode.BACKGROUND if told.words else shapes.BigValueColorMode.VALUE
    text = shapes.BigValueTextMode.VALUE_AND_NAME if told.queries[0].legend else shapes.BigValueTextMode.VALUE
    panel = stat.Panel().graph_mode(shapes.BigValueGraphMode.NONE).color_mode(colour).text_mode(text)
    return panel.reduce_options(LAST).color_scheme(_by_thresholds())


def _graph(told: Panel) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True).display_mode(shapes.LegendDisplayMode.LIST)
    limits = shapes.GraphTresholdsStyleMode.DASHED if told.steps else shapes.GraphTresholdsStyleMode.OFF
    panel = timeseries.Panel().line_width(2).fill_opacity(8).show_points(shapes.VisibilityMode.NEVER).axis_soft_min(0)
    panel.legend(legend.placement(shapes.LegendPlacement.BOTTOM).calcs(["lastNotNull"]))
    panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(limits))
    return panel.line_interpolation(shapes.LineInterpolation.STEP_AFTER)


def _bars(_: Panel) -> bargauge.Panel:
    panel = bargauge.Panel().display_mode(shapes.BarGaugeDisplayMode.BASIC).show_unfilled(True)
    return panel.orientation(shapes.VizOrientation.HORIZONTAL).reduce_options(LAST).color_scheme(_by_thresholds())


def _states(_: Panel) -> statetimeline.Panel:
    panel = statetimeline.Panel().merge_values(True).show_value(shapes.VisibilityMode.NEVER)
    legend = common.VizLegendOptions().show_legend(False).display_mode(shapes.LegendDisplayMode.HIDDEN)
    return panel.legend(legend.placement(shapes.LegendPlacement.BOTTOM).calcs([])).color_scheme(_by_thresholds())


def _table(told: Panel) -> table.Panel:
    """The value is named as its query's legend; the time of the question is left away."""
    renamed = {"renameByName": {"Value": told.queries[0].legend}, "excludeByName": {"Time": True}}
    return table.Panel().with_transformation(models.DataTransformerConfig(id_val="organize", options=renamed))


def _lines(_: Panel) -> logs.Panel:
    panel = logs.Panel().show_time(True).wrap_log_message(True).enable_log_details(True)
    return panel.sort_order(shapes.LogsSortOrder.DESCENDING)


def _traces(_: Panel) -> table.Panel:
    return table.Panel()


BUILDERS: dict[Kind, Callable[[Panel], AnyPanel]] = {
    "stat": _stat,
    "timeseries": _graph,
    "bargauge": _bars,
    "state-timeline": _states,
    "table": _table,
    "logs": _lines,
    "traces": _traces,
}
