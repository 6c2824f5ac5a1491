"""Distinct counts over several buckets: from the members or from the sketch, and which of them."""

from __future__ import annotations

import math
import random
import uuid
from datetime import timedelta

import pytest
from adi_analytics.query import MeasureRefusedError, QueryArgumentError
from adi_analytics.query.run import asked
from support.aggregates.installed import Installed
from support.aggregates.oracle import Row
from support.aggregates.streams import START
from support.asking import ask
from support.clickhouse.installed import Installed as OnClickhouse

USERS = "analytics_daily_active_users"
RANGE = (START - timedelta(days=400), START - timedelta(days=370))
STANDARD_ERROR = 1.04 / math.sqrt(4096)
STORED = START + timedelta(days=25)
MEASURES = ["active_users", "total_events"]


def crowd(installed: Installed | OnClickhouse) -> dict[int, set[uuid.UUID]]:
    """Insert events of many users on thirty days of their own, and return who came on which."""
    rng = random.Random(5)
    users = [uuid.UUID(int=rng.getrandbits(128)) for _ in range(3000)]
    days = {day: set(rng.sample(users, 400)) for day in range(30)}
    installed.insert(
        [Row(RANGE[0] + timedelta(days=day), "task_created", "{}", user) for day, came in days.items() for user in came]
    )
    installed.refresh(STORED)
    return days


def test_an_estimate_is_near_and_says_how_near(installed: Installed | OnClickhouse) -> None:
    days = crowd(installed)
    exact = ask(installed, USERS, measures=MEASURES, between=RANGE, granularity="week", distinct="exact")
    near = ask(installed, USERS, measures=MEASURES, between=RANGE, granularity="week", distinct="approximate")

    assert [column.exactness for column in exact.columns[1:]] == ["exact", "exact"]
    assert [column.exactness for column in near.columns[1:]] == ["approximate", "exact"]
    assert near.columns[1].standard_error == pytest.approx(STANDARD_ERROR)
    assert near.exactness(1, "active_users") == "approximate"
    assert exact.totals["active_users"] == len(set.union(*days.values()))
    for one, other in [*zip(exact, near, strict=True), (exact.totals, near.totals)]:
        assert abs(other["active_users"] - one["active_users"]) <= 5 * STANDARD_ERROR * one["active_users"]
        assert one["total_events"] == other["total_events"]
    assert f"{USERS}_sketch" in near.sql()
    assert "_sketch" not in exact.sql()


def test_many_members_are_estimated_unless_asked_otherwise(
    postgres: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd(postgres)
    question = {"measures": ["active_users"], "between": RANGE, "granularity": "total"}
    assert ask(postgres, USERS, **question).columns[0].exactness == "exact"
    monkeypatch.setattr(asked, "MOST_MEMBERS", 3000)
    assert ask(postgres, USERS, **question).columns[0].exactness == "approximate"
    assert ask(postgres, USERS, **question, distinct="exact").columns[0].exactness == "exact"
    compared = ask(postgres, USERS, measures=["active_users"], between=RANGE, compare="previous_period")
    assert compared.totals["previous_active_users"] == 0


def test_a_way_that_is_not_there_is_named(postgres: Installed) -> None:
    with pytest.raises(QueryArgumentError, match="distinct: 'sketch' is none"):
        ask(postgres, USERS, distinct="sketch")
    with pytest.raises(MeasureRefusedError, match="mergeable: true"):
        ask(postgres, "analytics_errors_hourly", measures=["affected_users"], granularity="day", between=RANGE)
