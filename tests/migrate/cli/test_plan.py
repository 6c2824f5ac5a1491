"""What a number of events a day needs."""

from __future__ import annotations

import json
import re

import pytest
from adi_analytics.migrate.capacity import COSTS, Capacity, Load, capacity
from adi_analytics.migrate.files.manifest import load_manifest
from support.migrating import run
from support.paths import ROOT

MANIFEST = load_manifest(ROOT / "generated" / "sql" / "manifest.json")


def planned(events: float, **more: float) -> Capacity:
    return capacity(
        MANIFEST, Load(**{"events_per_day": events, "peak": 3, "days": 90, "cores": 8, "disk_gb": 2000} | more)
    )


@pytest.mark.parametrize(
    ("events", "backend"), [(1e3, "postgres"), (1e6, "postgres"), (1e8, "timescaledb"), (1e9, "clickhouse")]
)
def test_the_first_backend_that_holds_it_is_recommended(events, backend):
    found = planned(events)
    assert found.recommended == backend
    assert found.extrapolated == (events * 90 > 50e6)


def test_the_model_is_linear_but_for_the_servers():
    one, ten = (planned(events) for events in (1e7, 1e8))
    for small, large in zip(one.needs, ten.needs, strict=True):
        assert large.write_cores == pytest.approx(10 * small.write_cores)
        assert large.refresh_cores == pytest.approx(10 * small.refresh_cores)
        assert large.disk_gb == pytest.approx(10 * small.disk_gb)
    assert ten.peak_per_second == pytest.approx(3 * ten.events_per_second)


def test_compressed_days_take_what_they_take():
    (need,) = (need for need in planned(1e6, days=30).needs if need.backend == "timescaledb")
    costs = COSTS["timescaledb"]
    assert need.disk_gb == pytest.approx(1e6 * (7 * costs.fresh + 23 * costs.old) / 1e9)  # compress_after: 7 days


def test_the_command_needs_no_database(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://nowhere.invalid/x")
    ended = run("plan", "--events-per-day", "1e9", "--format", "json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["recommended"] == "clickhouse"
    assert found["needs"][2]["servers"] > 1
    shown = run("plan", "--events-per-day", "1e9").out
    assert "take this" in shown
    assert "Extrapolated" in shown


@pytest.mark.parametrize("given", ["0", "-1", "many", "nan", "inf", "", "1e308"])
def test_a_wrong_number_is_named(given):
    ended = run("plan", f"--events-per-day={given}")
    assert ended.code == 2
    assert f"--events-per-day: '{given}' is no number from 0.01 to 1e+13" in ended.err


def test_the_page_has_the_constants():
    page = (ROOT / "docs/howto/scale.md").read_text(encoding="utf-8")
    rows = {"write": "processor of the server to write an event, µs", "old": "bytes of an event with indexes",
            "aggregate": "to compute an event once for an aggregate, µs",
            "people": "the same for members, retention or a funnel, µs"}  # fmt: skip
    for name, row in rows.items():
        (line,) = (line for line in page.splitlines() if line.startswith(f"| {row} |"))
        numbers = [float(re.findall(r"[\d.]+", cell)[-1]) for cell in line.split("|")[2:5]]
        assert numbers == [getattr(costs, name) for costs in COSTS.values()]
