"""What building, encoding and decoding an event costs, against plain dataclasses of the same fields."""

from __future__ import annotations

import dataclasses
import json
import statistics
import timeit
from pathlib import Path
from random import Random
from typing import Any

import adi_analytics_events as events
import msgspec
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.show.sample import sample

CATALOG = Path(__file__).parents[2] / "events.yaml"
_NUMBER = 20_000
_ROUNDS = 7


def table() -> str:
    """Return the costs over all events as a chapter of the page."""
    rows = [_ratios(name) for name in events.EVENTS]
    medians = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
    worst = max(row["ours"] / row["plain"] for row in rows)
    plain = medians["plain"]
    lines = [
        "## Building an event\n",
        "Medians over the 29 events. A plain dataclass has slots and keyword-only arguments, and is not frozen.\n",
        "| what | time | against plain |\n|---|---|---|",
        f"| generated class (frozen) | {medians['ours']:.0f} ns | {medians['ours'] / plain:.2f} |",
        f"| plain dataclass | {plain:.0f} ns | 1.00 |",
        f"| frozen dataclass | {medians['frozen']:.0f} ns | {medians['frozen'] / plain:.2f} |",
        f"| generated class to JSON | {medians['encode']:.0f} ns | {medians['encode'] / medians['encode_plain']:.2f} |",
        f"| plain dataclass to JSON (msgspec) | {medians['encode_plain']:.0f} ns | 1.00 |",
        f"| `from_json` (checks bounds and unknown fields) | {medians['decode']:.0f} ns | |",
        f"\nThe worst event takes {worst:.2f} of a plain dataclass (the target is 1.3).\n",
    ]
    return "\n".join(lines)


def _ratios(name: str) -> dict[str, float]:
    """Return nanoseconds per call, the contenders taking turns."""
    cls: Any = events.EVENTS[name]
    catalog = load_catalog(CATALOG)
    found = catalog.event(name)
    assert found is not None
    data = json.dumps(sample(catalog, found, Random(1)))
    event = events.from_json(data)
    values = {field.name: getattr(event, field.name) for field in dataclasses.fields(cls)}
    plain, frozen = _like(cls, frozen=False), _like(cls, frozen=True)
    call = f"make({', '.join(f'{key}={key}' for key in values)})"
    encoder = msgspec.json.Encoder()
    statements = {
        "ours": (call, {**values, "make": cls}),
        "plain": (call, {**values, "make": plain}),
        "frozen": (call, {**values, "make": frozen}),
        "encode": ("encode(event)", {"encode": encoder.encode, "event": event}),
        "encode_plain": ("encode(event)", {"encode": encoder.encode, "event": plain(**values)}),
        "decode": ("decode(data)", {"decode": events.from_json, "data": data}),
    }
    best = dict.fromkeys(statements, float("inf"))
    for _ in range(_ROUNDS):
        for key, (statement, names) in statements.items():
            spent = timeit.timeit(statement, globals=names, number=_NUMBER)
            best[key] = min(best[key], 1e9 * spent / _NUMBER)
    return best


def _like(cls: Any, *, frozen: bool) -> Any:
    """Return an ordinary dataclass with the fields of *cls*."""
    fields = [
        (f.name, object) if f.default is dataclasses.MISSING else (f.name, object, dataclasses.field(default=None))
        for f in dataclasses.fields(cls)
    ]
    return dataclasses.make_dataclass(cls.__name__, fields, frozen=frozen, slots=True, kw_only=True)
