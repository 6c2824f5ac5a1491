"""The results as JSON, as Markdown tables and as a plot."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "adi-analytics"  # the same numbers give the same file

OURS = "adi-analytics"
BEGIN, END = "<!-- begin of benchmarks/runtime -->", "<!-- end of benchmarks/runtime -->"
Results = dict[str, Any]


def write(results: Results, docs: Path) -> Path:
    """Write the results below *docs* and return the page."""
    folder = docs / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runtime.json").write_text(json.dumps(results, indent=1) + "\n")
    plot(results, folder / "runtime.svg")
    page = docs / "benchmarks.md"
    old = page.read_text() if page.exists() else f"# Benchmarks\n\n{BEGIN}\n{END}\n"
    if BEGIN not in old:
        old = f"{old.rstrip()}\n\n{BEGIN}\n{END}\n"
    part = f"{BEGIN}\n{markdown(results)}\n{END}"
    page.write_text(re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: part, old, flags=re.DOTALL))
    return page


def markdown(results: Results) -> str:
    """Return the tables, each with a sentence on what was measured."""
    sizes = results["sizes"]
    lines = ["## Client and worker", ""]
    if results["quick"]:
        lines += ["**Made with --quick: the numbers mean nothing.**", ""]
    lines += [f"- {name}: {fact}" for name, fact in results["machine"].items()]
    lines += ["", "![The plots of these tables](benchmarks/runtime.svg)", ""]
    lines += [*_targets(results), *_call_cost(results), *_throughput(results), *_memory(results), *_scaling(results)]
    lines += [f"Medians of {sizes['rounds']} rounds in which the contenders took turns. Raw numbers: `runtime.json`."]
    return "\n".join(lines)


def _targets(results: Results) -> list[str]:
    """What we set out to reach, as ratios within this run, and what this run reached."""
    calls = results["call_cost"]
    ours = calls["adi-analytics track()"]
    cost = {name: value["p50"] / ours["p50"] for name, value in calls.items()}
    least = min(cost["Segment track()"], cost["PostHog capture()"])
    on_end = 1 / cost["OpenTelemetry span on_end()"]
    tail = ours["p99.99"] / 1e6
    found = [
        ("track() to OpenTelemetry's on_end()", "at most 1.3", f"{on_end:.2f}", on_end <= 1.3),
        ("Segment and PostHog to track()", "at least 20", f"{least:.0f}", least >= 20),
        ("p99.99 of track() with a busy worker", "under 0.5 ms", f"{tail:.2f} ms", tail < 0.5),
    ]
    for server, rates in results["throughput"].items():
        rate = rates["adi-analytics (default)"]["rate"]
        insert = rate / rates["INSERT of 100 rows (original)"]["rate"]
        copy = rate / rates["pre-encoded COPY, 5000 rows"]["rate"]
        found += [
            (f"{server}: to INSERT of 100", "at least 3", f"{insert:.2f}", insert >= 3),
            (f"{server}: to pre-encoded COPY", "at least 0.75", f"{copy:.2f}", copy >= 0.75),
        ]
    curve = results["memory"]["hung"]["curve"]
    late = (curve[-1][1] - curve[len(curve) // 2][1]) / 2**20
    found.append(("memory with the server hung", "flat", f"{late:+.1f} MiB in the second half", late < 1))
    rows = [[what, target, reached, "yes" if met else "no"] for what, target, reached, met in found]
    return ["### Targets", "", *_table(["what", "target", "this run", "reached"], rows)]


def _call_cost(results: Results) -> list[str]:
    found, sizes = results["call_cost"], results["sizes"]
    ours = next(value for name, value in found.items() if name.startswith(OURS))
    rows = [
        [
            name,
            *(f"{value[key] / 1000:.2f}" for key in ("p50", "p99.9", "p99.99", "p50 with building")),
            f"{value['p50'] / ours['p50']:.1f}",
            f"{100 * value['delivered'] / value['sent']:.0f} %",
        ]
        for name, value in found.items()
    ]
    return [
        "### One call in the caller's thread",
        "",
        f"Microseconds; {sizes['rate']} events per second in bursts, {sizes['samples']} calls; the worker is busy,",
        "ours with a live PostgreSQL, the others' with an HTTP server on loopback, the QueueHandler's with a file.",
        "",
        *_table(["call", "p50", "p99.9", "p99.99", "p50 with building", "p50 to ours", "delivered"], rows),
    ]


def _throughput(results: Results) -> list[str]:
    events = results["sizes"]["events"]
    lines = ["### From track() to the table", "", f"{events} events, all indexes, one connection.", ""]
    for server, found in results["throughput"].items():
        insert = found["INSERT of 100 rows (original)"]["rate"]
        limit = found["pre-encoded COPY, 5000 rows"]["rate"]
        rows = [
            [
                name,
                f"{value['rate']:,.0f}",
                f"{value['slowest']:,.0f} to {value['fastest']:,.0f}",
                f"{value['rate'] / insert:.2f}",
                f"{value['rate'] / limit:.2f}",
            ]
            for name, value in found.items()
        ]
        lines += [*_table([server, "events/s", "range", "to INSERT of 100", "to pre-encoded COPY"], rows)]
    return lines


def _memory(results: Results) -> list[str]:
    rows = []
    for name, found in results["memory"].items():
        curve, books = found["curve"], found["books"]
        grown = (curve[-1][1] - curve[0][1]) / 2**20
        late = (curve[-1][1] - curve[len(curve) // 2][1]) / 2**20
        rows.append(
            [name, f"{grown:.0f}", f"{late:+.1f}", *(f"{books[key]:,}" for key in ("pending", "spooled", "dropped"))]
        )
    return [
        "### Memory while the database is away",
        "",
        f"MiB of the process after {results['sizes']['memory_events']:,} events, with the default bound of the queue.",
        "",
        *_table(["database", "growth", "in the second half", "pending", "spooled", "dropped"], rows),
    ]


def _scaling(results: Results) -> list[str]:
    rows = [
        [
            f"{found['events']:,}",
            f"{found['seconds']:.2f}",
            f"{1e6 * found['seconds'] / found['events']:.1f}",
            f"{found['peak_bytes'] / 2**20:.0f}",
        ]
        for found in results["scaling"]
    ]
    return ["### Growth", "", *_table(["events", "seconds", "microseconds per event", "peak memory, MiB"], rows)]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows)] + [""]


def plot(results: Results, path: Path) -> None:
    """Draw the four comparisons into one SVG file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 9), layout="constrained")
    axes = figure.subplots(2, 2)
    _plot_call_cost(axes[0][0], results["call_cost"])
    _plot_throughput(axes[0][1], results["throughput"])
    _plot_memory(axes[1][0], results["memory"])
    _plot_scaling(axes[1][1], results["scaling"])
    figure.savefig(path, metadata={"Date": None})


def _plot_call_cost(axes: Axes, found: Results) -> None:
    names = list(found)[::-1]
    for offset, (key, colour) in enumerate((("p99.99", "#d9a441"), ("p50", "#2f6f9f"))):
        places = [number + 0.4 * offset for number in range(len(names))]
        axes.barh(places, [max(found[name][key], 1) / 1000 for name in names], height=0.38, label=key, color=colour)
    axes.set_yticks([number + 0.2 for number in range(len(names))], names)
    axes.set_xscale("log")
    axes.set_title("One call, microseconds")
    axes.legend()


def _plot_throughput(axes: Axes, found: Results) -> None:
    servers = list(found)
    names = list(found[servers[0]])[::-1]
    height = 0.8 / len(servers)
    for number, server in enumerate(servers):
        places = [place + number * height for place in range(len(names))]
        axes.barh(places, [found[server][name]["rate"] / 1000 for name in names], height=height * 0.95, label=server)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(names))], names)
    axes.set_title("Thousand events per second into the table")
    axes.legend()


def _plot_memory(axes: Axes, found: Results) -> None:
    for name, result in found.items():
        axes.plot(*zip(*((number / 1000, size / 2**20) for number, size in result["curve"]), strict=True), label=name)
    axes.set_ylim(bottom=0)
    axes.set_xlabel("thousand events tracked")
    axes.set_title("Memory of the process without a database, MiB")
    axes.legend()


def _plot_scaling(axes: Axes, found: list[Results]) -> None:
    axes.plot([r["events"] for r in found], [1e6 * r["seconds"] / r["events"] for r in found], marker="o")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("events")
    axes.set_title("Microseconds per event, from track() to the table")
