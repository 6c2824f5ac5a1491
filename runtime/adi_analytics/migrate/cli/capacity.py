"""The command `plan`: what a number of events a day needs."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Final

from adi_analytics.migrate.author.new import used
from adi_analytics.migrate.capacity import COSTS, Load, Need, capacity
from adi_analytics.migrate.cli.output import Output, Table
from adi_analytics.migrate.files.manifest import load_manifest

_DAY: Final = 86_400
_UNLIMITED: Final = 365.0
"""Days to plan for when the catalog keeps events for ever."""


def show_plan(arguments: argparse.Namespace) -> Output:
    """Return what the load that *arguments* name needs."""
    files = used(arguments.migrations, arguments.manifest, arguments.catalog, arguments.project)
    manifest = load_manifest(files.manifest)
    retention = manifest.storage.retention
    days = arguments.days or (_UNLIMITED if retention is None else retention / _DAY)
    load = Load(arguments.events_per_day, arguments.peak, days, arguments.cores, arguments.disk_gb)
    found = capacity(manifest, load)
    table = Table(
        ("backend", "writing", "aggregates", "disk of events", "servers", ""),
        [_line(need, found.recommended) for need in found.needs],
        f"{days:g} days of {load.events_per_day:,.0f} events; a server: {load.cores:g} processors,"
        f" {load.disk_gb:,.0f} GB",
    )
    shown: list[str | Table] = [
        table,
        (
            f"{found.events_per_second:,.1f} events a second, {found.peak_per_second:,.1f} at the peak; take"
            f" {found.recommended}"
        ),
        *(f"  -> {one}" for one in found.advice),
        "Half of the processors and 70 % of the disk are planned for. The model: docs/howto/scale.md.",
    ]
    if found.extrapolated:
        shown.append("Extrapolated: the constants were measured on at most 50 million rows.")
    return Output({**asdict(found), "costs": {name: asdict(costs) for name, costs in COSTS.items()}}, shown)


def _line(need: Need, recommended: str) -> tuple[str, ...]:
    more = "take this" if need.backend == recommended else "" if need.fits else "too small"
    return (
        need.backend,
        f"{need.write_cores:.2f} processors",
        f"{need.refresh_cores:.2f} processors",
        f"{need.disk_gb:,.1f} GB",
        str(need.servers),
        more,
    )
