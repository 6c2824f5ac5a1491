"""Measures the generator against peers, and writes docs/benchmarks-codegen.md.

Examples:
  nox -s bench                       everything (with the benchmarks of the runtime)
  python benchmarks/codegen --quick  few rounds, printed only: shows that it works

Whole commands are measured as whole processes, bytecode compiled as in an installation. The contenders of a comparison
take turns, several rounds each, and the fastest counts, because noise only adds. Peers are installed below build/, from
PyPI and the npm registry.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import building
import peers
import scaling

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks-codegen.md"
OURS = [sys.executable, "-c", "import sys; from adi_analytics_codegen.cli.main import main; sys.exit(main())"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds, and no page is written")
    rounds = 2 if parser.parse_args().quick else 15
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        commands = _commands(work)
        times = _measured(commands, rounds, work)
    parts = [_head(), _commands_table(times), building.table(), scaling.table((10, 30, 100, 300, 1000))]
    page = "\n".join(parts)
    print(page)
    if rounds > 2:
        PAGE.write_text(page, encoding="utf-8")


def _commands(work: Path) -> dict[str, dict[str, list[str | Path]]]:
    """Return task to contender to command. All work on the same 29 events."""
    catalog = ["--catalog", ROOT / "events.yaml"]
    installed = peers.install(ROOT / "build" / "bench-codegen")
    data = peers.convert(ROOT / "events.yaml", work)
    schema = ROOT / "generated" / "json_schema" / "events.schema.json"
    return {
        "lint": {
            "analytics-codegen lint": [*OURS, "lint", *catalog],
            "glean_parser glinter": [installed.glean, "glinter", data.metrics],
            "buf lint": [installed.buf, "lint", data.protos],
        },
        "breaking": {
            "analytics-codegen breaking": [*OURS, "breaking", *catalog, "--against", ROOT / "events.yaml"],
            "buf breaking": [installed.buf, "breaking", data.protos, "--against", data.protos],
        },
        "generate": {
            "analytics-codegen generate (five outputs)": [*OURS, "generate", *catalog, "--out", work / "out"],
            "glean_parser translate (Kotlin)": [
                installed.glean, "translate", "-f", "kotlin", "-o", work / "kotlin", data.metrics,
            ],
            "datamodel-codegen (Python)": [
                *[sys.executable, "-m", "datamodel_code_generator", "--input-file-type", "jsonschema"],
                *["--input", schema, "--output", work / "plain.py", "--formatters", "builtin"],
                *["--output-model-type", "dataclasses.dataclass"],
            ],
        },
    }  # fmt: skip


def _measured(
    commands: dict[str, dict[str, list[str | Path]]], rounds: int, work: Path
) -> dict[str, dict[str, list[float]]]:
    """Return task to contender to seconds. A first round, which compiles bytecode, does not count."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(work / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times: dict[str, dict[str, list[float]]] = {task: {name: [] for name in named} for task, named in commands.items()}
    for turn in range(rounds + 1):
        for task, named in commands.items():
            for name, command in named.items():
                start = time.perf_counter()
                done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
                spent = time.perf_counter() - start
                if done.returncode != 0:
                    raise SystemExit(f"{name} failed:\n{done.stdout}{done.stderr}")
                if turn > 0:
                    times[task][name].append(spent)
    return times


def _head() -> str:
    versions = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return (
        "<!-- Made by `python benchmarks/codegen`. Do not edit. -->\n# Benchmarks of the generator\n\n"
        f"Measured with {versions}. Only ratios within one table mean something elsewhere.\n"
    )


def _commands_table(times: dict[str, dict[str, list[float]]]) -> str:
    lines = [
        "## Whole commands on the 29 events\n",
        "The fastest of several rounds counts. Peers get the same events in their own format. They do less: none of",
        "them knows aggregates.\n",
        "| task | command | time | against ours |\n|---|---|---|---|",
    ]
    for task, named in times.items():
        fastest = {name: min(spent) for name, spent in named.items()}
        ours = next(iter(fastest.values()))
        lines += [f"| {task} | {name} | {1000 * m:.0f} ms | {m / ours:.2f} |" for name, m in fastest.items()]
    both = sum(min(next(iter(times[task].values()))) for task in ("lint", "breaking"))
    lines.append(f"\nLint and breaking together: {1000 * both:.0f} ms (the target is 250 ms; for generate, 1500 ms).\n")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
