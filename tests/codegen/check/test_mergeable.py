"""Mergeable counts: where they may stand, and what taking one away means."""

from __future__ import annotations

import pytest
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load, load_catalog
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.findings import Severity
from support.codegen.projects import minimal

START = Location("events.yaml", 1, 1)


def visits(version=1, catalog_format=2, **measure):
    aggregate = {
        "description": "Visits.",
        "version": version,
        "from": ["page_view"],
        "bucket": {"as": "day", "width": "1 day"},
        "measures": {"users": measure},
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }
    head = {"format": catalog_format, "name": "small", "owner": "me"}
    return minimal(catalog=head, aggregates={"visits": aggregate})


@pytest.mark.parametrize(
    ("measure", "rule"),
    [
        ({"count": True, "mergeable": True}, "key-of-other-type"),
        ({"distinct": "$user_id", "trailing": "7 days", "mergeable": True}, "key-of-other-type"),
        ({"distinct": "$user_id", "mergeable": False}, "wrong-value"),
    ],
)
def test_it_stands_with_a_distinct_count_of_a_bucket_only(project, measure, rule):
    found = load(project.write(visits(**measure))).findings
    assert [finding.rule for finding in found if finding.severity is Severity.ERROR] == [rule]
    assert found[0].fix


def test_it_came_with_format_2(project):
    found = load(project.write(visits(catalog_format=1, distinct="$user_id", mergeable=True))).findings
    assert "mergeable" in str(found[0])
    assert "format" in str(found[0])


@pytest.mark.parametrize(("version", "rules"), [(1, {"aggregate-column-removed"}), (2, {"view-column-removed"})])
def test_taking_it_away_breaks_readers_of_the_sketch(project, version, rules):
    without = load_catalog(project.write(visits(version=version, distinct="$user_id")))
    given = load_catalog(project.write(visits(distinct="$user_id", mergeable=True)))
    assert {finding.rule for finding in compare(given, without, START)} == rules


def test_adding_it_breaks_nothing(project):
    without = load_catalog(project.write(visits(distinct="$user_id")))
    given = load_catalog(project.write(visits(distinct="$user_id", mergeable=True)))
    assert compare(without, given, START) == []
