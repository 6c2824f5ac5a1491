"""Percentiles over any range, from the mergeable distribution, by the query that the documentation gives."""

from __future__ import annotations

import json
import random
import re
from datetime import timedelta

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.fields import Field
from adi_analytics_codegen.model.kinds import FieldType, MeasureKind
from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure, Refresh
from support.aggregates.catalogs import AT
from support.aggregates.installed import Installed, connect
from support.aggregates.oracle import Row
from support.aggregates.streams import START
from support.backends import BACKENDS, empty_dsn
from support.paths import EVENTS, ROOT

SEVEN = load_catalog(EVENTS)
DOCUMENTED = re.search(
    r"<!-- merged-percentile -->\s*```sql\n(.*?)```", (ROOT / "docs/reference/aggregates.md").read_text(), re.DOTALL
)
RELATIVE_ERROR = (1.02 - 1) / (1.02 + 1)


def exact(values, quantile):
    values = sorted(values)
    at = quantile * (len(values) - 1)
    low, high = values[int(at)], values[min(int(at) + 1, len(values) - 1)]
    return low + (at - int(at)) * (high - low)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_documented_query_is_within_its_bound(backend, request):
    assert DOCUMENTED is not None
    dsn = empty_dsn(backend, request)
    rng = random.Random(5)
    values = [int(rng.lognormvariate(5, 2)) for _ in range(3000)]
    with connect(dsn) as connection:
        installed = Installed.create(connection, SEVEN, backend)
        installed.insert(
            Row(START + timedelta(minutes=rng.randrange(9 * 1440)), "api_request", json.dumps({"duration_ms": value}))
            for value in values
        )
        installed.refresh(START + timedelta(days=4))
        for quantile in (0, 0.01, 0.5, 0.95, 0.99, 1):
            ((found,),) = connection.execute(DOCUMENTED[1], {"quantile": quantile}).fetchall()
            assert found == pytest.approx(exact(values, quantile), rel=RELATIVE_ERROR * 1.0001)


def test_every_value_lies_in_its_bucket_and_near_its_estimate(postgres_dsn):
    rng = random.Random(6)
    values = [0.0, 1.0, -1.0, 1.02, 1e307, -1e307, 1e-307, -1e-307, 2.0**53, 0.1]
    values += [rng.choice((1, -1)) * 10 ** rng.uniform(-300, 300) for _ in range(500)]
    measure = Measure("p", MeasureKind.PERCENTILE, AT, of="v", type=FieldType.FLOAT, quantile=0.5)
    refresh = Refresh(timedelta(minutes=1), timedelta(minutes=2), timedelta())
    aggregate = Aggregate("agg", "", ("e",), "minute", timedelta(minutes=1), refresh, (measure,), AT)
    catalog = Catalog(
        "c", (Event("e", "E", "", "", "", (Field("v", FieldType.FLOAT, AT),), AT),), aggregates=(aggregate,)
    )
    with connect(postgres_dsn) as connection:
        installed = Installed.create(connection, catalog, "postgres")
        moments = [START + timedelta(minutes=number) for number in range(len(values))]
        installed.insert(Row(at, "e", json.dumps({"v": value})) for at, value in zip(moments, values, strict=True))
        found = connection.execute("select * from agg_distribution order by minute").fetchall()
    slack = 1 + 1e-9  # the logarithm of a bound itself may round either way
    for value, (_, measures, lower, upper, estimate, count) in zip(values, found, strict=True):
        assert (measures, count) == (["p"], 1)
        assert min(lower * slack, lower / slack) <= value <= max(upper * slack, upper / slack)
        assert abs(estimate - value) <= RELATIVE_ERROR * abs(value) * slack
