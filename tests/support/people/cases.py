"""A catalog with questions about people of every kind, and random rows for it: ties, repeats, gaps, late ones."""

from __future__ import annotations

import json
import random
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from support.aggregates.oracle import Row

DAY: Final = {"as": "day", "width": "1 day"}
HOURS: Final = {"as": "hours", "width": "6 hours"}
WEEK: Final = {"as": "week", "width": "1 week"}
ISLAND_DAY: Final = {"as": "day", "width": "1 day", "time_zone": "Australia/Lord_Howe"}
BERLIN_MONTH: Final = {"as": "month", "width": "1 month", "time_zone": "Europe/Berlin"}
MONTHLY: Final = {"every": "1 hour", "window": "70 days", "lag": "1 hour"}


def _funnel(*steps: Any, within: str = "3 days", **more: Any) -> dict[str, Any]:
    named = {f"s{number}": step for number, step in enumerate(steps)}
    return {"description": "A funnel.", "within": within, "bucket": DAY, "steps": named, **more}


def _retention(start: Any, back: Any, **more: Any) -> dict[str, Any]:
    return {"description": "Who comes back.", "start": start, "return": back, "bucket": DAY, "periods": 5, **more}


def _event(*columns: str) -> dict[str, Any]:
    return {
        "domain": "d",
        "description": "An event.",
        **({"columns": {"user_id": "user_id"}} if "user_id" in columns else {}),
        "fields": {
            **({"user_id": {"type": "uuid", "description": "Who.", "optional": True}} if "user_id" in columns else {}),
            **({"thing": {"type": "string", "description": "What.", "optional": True}} if "thing" in columns else {}),
            "n": {"type": "int", "description": "A number.", "optional": True},
            "kind": {"type": "string", "description": "A kind.", "optional": True},
        },
    }


A_1: Final = {"event": "a", "where": {"n": 1}}
DOCUMENT: Final[dict[str, Any]] = {
    "catalog": {"format": 2, "name": "people", "owner": "me"},
    "storage": {"table": "people_events"},
    "domains": {"d": "All."},
    "events": {**{name: _event("user_id", "thing") for name in "abcx"}, "lone": _event("thing")},
    "entities": {"$user_id": {"description": "People."}, "thing": {"field": "thing", "description": "Things."}},
    "retention": {
        "first_on": _retention("any", "any"),
        "first_after": _retention("a", "b", on="on_or_after"),
        "each_on": _retention("a", A_1, mode="recurring"),
        "each_after": _retention(A_1, "any", mode="recurring", on="on_or_after", bucket=WEEK, periods=2),
        "either_on": _retention(["b", A_1, {"event": "x", "where": {"n": 2}}], [A_1, "c"]),
        "things": _retention("any", "lone", entity="thing", bucket=HOURS, periods=9),
        "island_days": _retention("a", "b", mode="recurring", bucket=ISLAND_DAY),
        "berlin_months": _retention("any", "any", bucket=BERLIN_MONTH, periods=2, refresh=MONTHLY),
    },
    "funnels": {
        "plain": _funnel("a", "b", "c"),
        "twice": _funnel("a", "a", "b", "a", within="1 day"),
        "tested": _funnel(A_1, {"event": "b", "where": {"n": {"gte": 1}}}, bucket=HOURS),
        "ended": _funnel("a", "b", "c", exclude=["x", {"event": "b", "where": {"n": 2}}]),
        "strictly": _funnel("a", "b", "a", order="strict"),
        "unordered": _funnel("a", "b", "c", order="any"),
        "unordered_ended": _funnel("a", "b", "c", order="any", exclude=["x"], within="2 days"),
        "by_kind": _funnel("a", "b", dimension="kind", within="1 week", bucket=WEEK),
        "by_kind_ended": _funnel("a", "b", "c", dimension="n", exclude=["x"]),
        "either": _funnel(
            ["x", A_1],
            ["b", {"event": "a", "where": {"n": 2}}],
            ["c", "x"],
            exclude=[{"event": "x", "where": {"n": 0}}],
        ),
        "either_strictly": _funnel(["a", "b"], ["b", "c"], order="strict"),
        "either_unordered": _funnel(
            ["a", "x"], [{"event": "b", "where": {"n": 1}}, "c"], order="any", dimension="kind"
        ),
        "of_things": _funnel("a", "lone", entity="thing", bucket=ISLAND_DAY),
        "longest": _funnel("a", "b", "a", "b", "c", "a", "b", "c", within="30 days"),
    },
}


def write(folder: Path) -> Path:
    """Write the catalog; JSON is YAML, too."""
    file = folder / "events.yaml"
    file.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return file


def rows(seed: int, start: datetime, *, members: int = 60, days: int = 20) -> list[Row]:
    """Return rows of *members* whose times often tie and whose events often repeat."""
    rng = random.Random(seed)
    made = []
    for _ in range(members):
        user = uuid.UUID(int=rng.getrandbits(128))
        moments = [rng.randrange(days * 24) for _ in range(4)]  # few: many events at once
        near = rng.randrange(days * 24)
        for _ in range(rng.randrange(1, 9)):
            hour = rng.choice([*moments, near, near + 1, near + rng.randrange(60)])
            at = start + timedelta(hours=hour, minutes=rng.choice((0, 0, 30)), microseconds=rng.choice((0, 0, 1)))
            data: dict[str, Any] = {}
            if rng.random() < 0.7:
                data["n"] = rng.randrange(3)
            if rng.random() < 0.7:
                data["kind"] = rng.choice("pq")
            if rng.random() < 0.5:
                data["thing"] = f"thing {rng.randrange(12)}"
            name = rng.choice(("a", "a", "b", "b", "c", "c", "x", "lone"))
            who = user if name != "lone" and rng.random() < 0.95 else None
            made.append(Row(at, name, json.dumps(data), who, "s", uuid.UUID(int=rng.getrandbits(128))))
    return made
