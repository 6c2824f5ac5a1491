"""Percentiles by longer buckets: what is made for them, and what taking them away means."""

from __future__ import annotations

import json

import pytest
from adi_analytics_codegen.backends.sql.manifest.document import manifest
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.fingerprint import fingerprint
from adi_analytics_codegen.show.explain import explain
from support.codegen.projects import minimal

START = Location("events.yaml", 1, 1)


def slow(**more):
    fields = {
        "ms": {"type": "int", "unit": "ms", "description": "Time."},
        "kind": {"type": "string", "wire": "the.kind", "pattern": "^[ab]$", "description": "Kind."},
    }
    aggregate = {
        "description": "Pages.",
        "from": ["page_view"],
        "where": {"kind": "a"},
        "bucket": {"as": "hour", "width": "1 hour"},
        "dimensions": {"kind": "kind", "service": "$service"},
        "measures": {"seen": {"count": True}, "p90": {"percentile": 0.9, "of": "ms"}},
        "refresh": {"every": "1 hour", "window": "6 hours", "lag": "1 hour"},
        **more,
    }
    return minimal(
        catalog={"format": 2, "name": "small", "owner": "me"},
        events={"page_view": {"domain": "web", "description": "A page was shown.", "fields": fields}},
        aggregates={"slow": aggregate},
    )


def test_it_is_an_aggregate_like_any_other(project):
    catalog = load_catalog(project.write(slow(percentiles={"rollup": "week", "dimensions": ["kind"]})))
    fine, coarse = catalog.aggregates
    assert (coarse.name, coarse.bucket_name, coarse.coarser_than) == ("slow_by_week", "week", "slow")
    assert [one.name for one in coarse.dimensions] == ["kind"]
    assert [one.name for one in coarse.measures] == ["p90"]
    assert (coarse.where, coarse.sources) == (fine.where, fine.sources)
    facts = explain(catalog, "slow")
    assert facts is not None
    assert facts["percentiles_by_longer_buckets"] == "slow_by_week"
    first, second = manifest(catalog)["aggregates"]
    assert first["query"]["coarser"] == {"aggregate": "slow_by_week", "dimensions": ["kind"]}
    assert "coarser" not in second["query"]
    assert "the~1kind" not in json.dumps(second["ddl"])  # rows have the key, not its path
    assert "'the.kind'" in json.dumps(second["ddl"])


def test_what_it_is_made_for_stays_as_it_was(project):
    before = load_catalog(project.write(slow()))
    after = load_catalog(project.write(slow(percentiles={"rollup": "day"})))
    assert manifest(before)["aggregates"][0]["ddl"] == manifest(after)["aggregates"][0]["ddl"]
    assert manifest(before)["aggregates"][0]["fingerprint"] == manifest(after)["aggregates"][0]["fingerprint"]
    assert fingerprint(before) != fingerprint(after)
    assert compare(before, after, START) == []


@pytest.mark.parametrize(
    ("changed", "rules"),
    [
        ({}, {"aggregate-removed"}),
        ({"percentiles": {"rollup": "day", "dimensions": ["kind"]}}, {"aggregate-dimensions-changed"}),
        ({"percentiles": {"rollup": "day"}, "version": 2}, {"aggregate-version-unneeded"}),
    ],
)
def test_its_readers_are_told(project, changed, rules):
    before = load_catalog(project.write(slow(percentiles={"rollup": "day"})))
    after = load_catalog(project.write(slow(**changed)))
    assert {finding.rule for finding in compare(before, after, START)} >= rules
