"""Draws the dashboard as a person would see it, from the metrics of a local run: `make dashboard`.

A local run is short, so a point stands for two seconds where CloudWatch has five minutes. What only
AWS publishes (queues, functions' errors) is left empty; the endpoint's answers are those that the
run got.
"""

from __future__ import annotations

import html
import math
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spectrum_forwarder.measures import MEASURES, TIMED

from tests.observability.test_local_run import QUERY, SEARCH
from tests.support.burst import Burst, run_burst

BIN_SECONDS = 2.0
COLUMN, ROW, GAP = 52, 34, 6
WIDTH, HEIGHT = 24 * COLUMN, 46 * ROW
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2")
EVENTS, PAUSE = 60, 0.15
EVERY_METRIC = {m.metric for measures in MEASURES.values() for m in measures} | set(TIMED.values())

# Namespace, metric, dimensions → time and value of everything measured.
Key = tuple[str, str, tuple[tuple[str, str], ...]]
Points = Mapping[Key, list[tuple[float, float]]]
Series = tuple[str, list[float | None]]


def main(picture: Path) -> None:
    """Run the stack, and write the picture."""
    burst = run_burst(lambda b: sorted(EVERY_METRIC - b.metrics()), events=EVENTS, pause=PAUSE)
    page = draw(burst)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "dashboard.html"
        file.write_text(page, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        options += ["--force-device-scale-factor=1.25", f"--user-data-dir={folder}/profile"]
        size = f"--window-size={WIDTH + 2 * GAP},{HEIGHT + 60}"
        command = ["chromium", *options, size, f"--screenshot={picture}", file.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def draw(burst: Burst) -> str:
    """The page."""
    points = gather(burst)
    times = [at for measured in points.values() for at, _ in measured]
    begin, end = min(times), max(times)
    widgets = "".join(draw_widget(w, points, begin, end, burst) for w in burst.dashboard["widgets"])
    return (
        f"<meta charset=utf-8><style>{STYLE}</style>"
        f"<header>{burst.namespace} <small>a local run of {end - begin:.0f} s</small></header>"
        f"<main>{widgets}</main>"
    )


def gather(burst: Burst) -> Points:
    """Every value that was published, under its dimensions."""
    points: defaultdict[Key, list[tuple[float, float]]] = defaultdict(list)
    for line in burst.documents():
        at = line["_aws"]["Timestamp"] / 1000
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                for names in directive["Dimensions"]:
                    dimensions = tuple((name, line[name]) for name in names)
                    key = (burst.namespace, metric["Name"], dimensions)
                    many = values if isinstance(values, list) else [values]
                    points[key] += [(at, float(value)) for value in many]
    for one in burst.read_off:
        points[burst.namespace, one.metric, one.dimensions].append((one.at, one.value))
    api = (("ApiId", burst_api(burst)),)
    for at, status, seconds in burst.answers:
        points["AWS/ApiGateway", "Count", api].append((at, 1.0))
        points["AWS/ApiGateway", "Latency", api].append((at, seconds * 1000))
        if status >= 400:
            points["AWS/ApiGateway", f"{status // 100}xx", api].append((at, 1.0))
    return points


def burst_api(burst: Burst) -> str:
    """The id that the dashboard knows the endpoint by."""
    entries = [m for w in burst.dashboard["widgets"] for m in w["properties"].get("metrics", [])]
    return next(str(entry[3]) for entry in entries if entry[0] == "AWS/ApiGateway")


def draw_widget(
    widget: Mapping[str, Any], points: Points, begin: float, end: float, burst: Burst
) -> str:
    """One widget at its place on the grid."""
    properties = widget["properties"]
    place = (
        f"left:{widget['x'] * COLUMN}px;top:{widget['y'] * ROW}px;"
        f"width:{widget['width'] * COLUMN - GAP}px;height:{widget['height'] * ROW - GAP}px"
    )
    if widget["type"] == "text":
        title, _, rest = properties["markdown"].partition("\n")
        text = f"<h1>{html.escape(title.lstrip('# '))}</h1><p>{html.escape(rest)}</p>"
        return f'<div class=text style="{place}">{text}</div>'
    body = (
        draw_alarms(burst, points)
        if widget["type"] == "alarm"
        else draw_metrics(widget, points, begin, end)
    )
    title = html.escape(properties["title"])
    return f'<div class=widget style="{place}"><h2>{title}</h2>{body}</div>'


def draw_alarms(burst: Burst, points: Points) -> str:
    """The state that each alarm would have after a run that was five minutes of real time."""
    squares = []
    for alarm in burst.alarms:
        name = alarm["AlarmName"].removeprefix(f"{burst.namespace}-")
        ringing = worst(alarm, points) > alarm["Threshold"]
        ringing = ringing and alarm["TreatMissingData"] == "notBreaching"
        colour = "bad" if ringing else "good"
        squares.append(f"<span class={colour}>{html.escape(name.removesuffix('Alarm'))}</span>")
    return f"<div class=alarms>{''.join(squares)}</div>"


def worst(alarm: Mapping[str, Any], points: Points) -> float:
    """The value that an alarm compares; of a query the largest of its series."""
    expressions = [str(part.get("Expression", "")) for part in alarm["Metrics"]]
    query = QUERY.fullmatch(expressions[0]) if expressions else None
    if query is not None:
        stat = {"SUM": "Sum", "MAX": "Maximum"}[query["function"]]
        found = [
            fold([value for _, value in values], stat)
            for (namespace, name, dimensions), values in points.items()
            if (namespace, name) == (query["namespace"], query["metric"])
            and [key for key, _ in dimensions] == [query["dimension"]]
        ]
        return max(found, default=0.0)
    parts = [part["MetricStat"] for part in alarm["Metrics"] if "MetricStat" in part]
    stats = [(part["Metric"], part["Stat"]) for part in parts] or [(alarm, alarm["Statistic"])]
    return sum(fold(values, stat) for metric, stat in stats if (values := seen(metric, points)))


def seen(metric: Mapping[str, Any], points: Points) -> list[float]:
    """All values of the metric that an alarm looks at."""
    dimensions = tuple((d["Name"], d["Value"]) for d in metric.get("Dimensions", []))
    key = (metric["Namespace"], metric["MetricName"], dimensions)
    return [value for _, value in points.get(key, [])]


def draw_metrics(widget: Mapping[str, Any], points: Points, begin: float, end: float) -> str:
    """Numbers, or lines over time."""
    properties = widget["properties"]
    found = [
        series
        for entry in properties["metrics"]
        for series in series_of(entry, properties, points, (begin, end))
    ]
    if properties.get("view") == "singleValue":
        _, values = found[0]
        return f"<div class=number>{short(values[0] or 0.0)}</div>"
    width = widget["width"] * COLUMN - GAP - 16
    chart = draw_lines(found, width, widget["height"] * ROW - GAP - 62)
    aws = all(str(entry[0]).startswith("AWS/") for entry in properties["metrics"])
    return chart.replace("no data", "only AWS publishes this") if aws else chart


def series_of(
    entry: list[Any], properties: Mapping[str, Any], points: Points, span: tuple[float, float]
) -> Iterable[Series]:
    """What one entry of a widget's `metrics` stands for."""
    stat = properties["stat"]
    if isinstance(entry[0], dict):
        search = SEARCH.fullmatch(entry[0]["expression"])
        assert search is not None
        for (namespace, metric, dimensions), measured in sorted(points.items()):
            if (namespace, metric) == (search[1], search[3]) and dimensions:
                yield dimensions[0][1], over_time(measured, search[4], *span)
        return
    options = entry[-1]
    namespace, metric, *rest = entry[:-1]
    key = (namespace, metric, tuple(zip(rest[::2], rest[1::2], strict=True)))
    measured = points.get(key, [])
    if properties.get("view") == "singleValue":
        yield options["label"], [fold([value for _, value in measured], stat) if measured else 0.0]
    else:
        # There is one axis here: what has the right one for its milliseconds comes in seconds.
        scale = 0.001 if metric == "Latency" else 1.0
        line = over_time(measured, options.get("stat", stat), *span)
        label = options["label"].replace(" (ms)", "")
        yield label, [value and value * scale for value in line]


def over_time(
    measured: list[tuple[float, float]], stat: str, begin: float, end: float
) -> list[float | None]:
    """One value a bin; None where nothing was measured, but for counts."""
    bins: list[list[float]] = [[] for _ in range(int((end - begin) / BIN_SECONDS) + 1)]
    for at, value in measured:
        place = int((at - begin) / BIN_SECONDS)
        if 0 <= place < len(bins):
            bins[place].append(value)
    empty = 0.0 if measured and stat in ("Sum", "SampleCount") else None
    return [fold(values, stat) if values else empty for values in bins]


def fold(values: list[float], stat: str) -> float:
    """A CloudWatch statistic."""
    ordered = sorted(values)
    match stat:
        case "Sum":
            return sum(values)
        case "SampleCount":
            return float(len(values))
        case "Minimum":
            return ordered[0]
        case "Maximum":
            return ordered[-1]
        case _:
            rank = math.ceil(float(stat.removeprefix("p")) / 100 * len(ordered))
            return ordered[max(rank, 1) - 1]


def draw_lines(found: list[Series], width: int, height: int) -> str:
    """A chart with its scale and its legend."""
    values = [v for _, line in found for v in line if v is not None]
    top, bottom = max([*values, 1e-9]), min([*values, 0.0])
    lines, legend = "", ""
    for number, (label, line) in enumerate(found):
        colour = COLOURS[number % len(COLOURS)]
        step = (width - 46) / max(len(line) - 1, 1)
        shown = [
            f"{42 + place * step:.1f},{4 + (height - 8) * (top - v) / (top - bottom):.1f}"
            for place, v in enumerate(line)
            if v is not None
        ]
        pale = "" if shown else " class=none"
        if len(shown) == 1:
            x, y = shown[0].split(",")
            lines += f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
        lines += f'<polyline points="{" ".join(shown)}" stroke="{colour}"/>'
        legend += f'<span{pale}><i style="background:{colour}"></i>{html.escape(label)}</span>'
    marks = ""
    for part in (0.0, 0.5, 1.0) if values else ():
        mark = 4 + (height - 8) * part
        marks += f'<line x1="42" x2="{width - 4}" y1="{mark}" y2="{mark}"/>'
        marks += f'<text x="36" y="{mark + 4}">{short(top - (top - bottom) * part)}</text>'
    empty = "" if values else f'<text x="{width / 2}" y="{height / 2}" class=empty>no data</text>'
    return f'<svg width="{width}" height="{height}">{marks}{lines}{empty}</svg><div>{legend}</div>'


def short(value: float) -> str:
    """A number that fits on a scale."""
    if abs(value) >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


STYLE = f"""
body {{ margin: {GAP}px; background: #f2f3f3; color: #16191f }}
body {{ font: 12px "DejaVu Sans", sans-serif }}
header {{ font-size: 18px; padding: 8px 4px 12px }} small {{ color: #5f6b7a; font-size: 12px }}
main {{ position: relative; width: {WIDTH}px; height: {HEIGHT}px }}
main > div {{ position: absolute; box-sizing: border-box; padding: 6px 8px }}
.widget {{ background: #fff; border: 1px solid #d5dbdb; border-radius: 3px; overflow: hidden }}
h1 {{ font-size: 16px; margin: 4px 0 }} p {{ margin: 0; color: #414d5c }}
h2 {{ font-size: 12px; margin: 0 0 6px }}
.number {{ font-size: 34px; padding: 18px 4px; color: #1f77b4 }}
.alarms {{ display: flex; flex-wrap: wrap; gap: 3px; font-size: 9.5px }}
.alarms span {{ padding: 3px 5px; border-radius: 2px; color: #fff }}
.good {{ background: #1d8102 }} .bad {{ background: #d13212 }}
svg polyline {{ fill: none; stroke-width: 1.6 }} svg line {{ stroke: #e9ebed }}
svg text {{ font-size: 10px; fill: #5f6b7a; text-anchor: end }}
svg .empty {{ text-anchor: middle; font-size: 12px }}
.widget div span {{ margin-right: 9px; font-size: 10px; white-space: nowrap }}
i {{ display: inline-block; width: 8px; height: 8px; margin-right: 3px }} .none {{ color: #9ba7b6 }}
"""

if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
