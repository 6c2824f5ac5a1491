"""Every lint on a catalog that it likes and on one that it does not, and suppressions."""

import json
from dataclasses import replace
from datetime import date

import pytest
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.check.lint import LINTS, dashboard, lint
from adi_analytics_codegen.model.findings import Severity
from adi_analytics_codegen.model.rows.results import of_measure
from support.codegen.projects import minimal
from support.paths import EVENTS, ROOT


def event(fields=None, **keys):
    return {"domain": "web", "description": "A page was shown.", "fields": fields or {}, **keys}


def catalog(fields=None, /, **sections):
    return minimal(**{"events": {"page_view": event(fields)}, **sections})


def aggregate(**keys):
    return {
        "description": "Pages by day.",
        "from": ["page_view"],
        "bucket": {"as": "day", "width": "1 day"},
        "measures": {"views": {"count": True}},
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
        **keys,
    }


def string(**keys):
    return {"type": "string", "description": "Something.", **keys}


def number(**keys):
    return {"type": "int", "description": "Something.", **keys}


ENUMS = {"method": {"values": {"GET": "Read"}}}
URL = {"url": string(sensitivity="personal", store="keep")}
HEAD = {"format": 1, "name": "small"}
RETIRED = {"status": "retired"}
REPLACED = event(status="deprecated", deprecated={"reason": "r", "replaced_by": "b"})

PERSON = {"by": {"type": "uuid", "description": "Who."}}
ASKED = {"description": "x", "bucket": {"as": "day", "width": "1 day"}}


def people(fields=None, /, *, status="stable", **sections):
    """Return a catalog of format 2 whose event happens to a person."""
    seen = event({**PERSON, **(fields or {})}, columns={"user_id": "by"}, status=status)
    return catalog(catalog={"format": 2, "name": "small", "owner": "me"}, events={"page_view": seen}, **sections)


def funnel(**keys):
    return {"way": {**ASKED, "within": "2 days", "steps": {"one": "page_view", "two": "page_view"}, **keys}}


def listed(of):
    """Return a catalog with an aggregate of items that adds up *of*."""
    items = {"type": "object", "fields": {"n": number(unit="m")}}
    fields = {"n": number(unit="m"), "lines": {"type": "list", "items": items, "description": "x"}}
    days = aggregate(each="lines", measures={"total": {"sum": of}})
    return catalog(fields, catalog={**HEAD, "format": 2, "owner": "me"}, aggregates={"days": days})


def shown(**section):
    """Return a catalog whose dashboard has a section of an aggregate with measures of all kinds."""
    fields = {"ms": number(unit="ms"), "mail": string(sensitivity="personal", store="hash"), "n": number()}
    measures = {"views": {"count": True}, "time": {"sum": "ms"}, "mean": {"avg": "ms"}, "last": {"last": "mail"}}
    days = aggregate(measures=measures, derived={"share": {"ratio": ["views", "views"]}})
    head = {"format": 2, "name": "small", "owner": "me"}
    return catalog(fields, catalog=head, aggregates={"days": days}, dashboard={"sections": {"days": section}})


CASES = {
    "mixed-units": (
        shown(panels=[{"measures": ["views"]}, {"measures": ["time", "mean"]}]),
        shown(panels=[{"measures": ["views", "share"]}]),
        "dashboard.days",
    ),
    "format-unfit": (
        shown(measures={"time": {"format": "duration"}, "share": {"format": "percent"}, "views": {"format": "number"}}),
        shown(measures={"views": {"format": "percent"}}),
        "dashboard.days.views",
    ),
    "never-shown": (
        shown(measures={"last": {"hide": True}}),
        shown(measures={"last": {"title": "Mail"}}),
        "dashboard.days.last",
    ),
    "expired": (
        catalog({"a": string(expires="9999-12-31")}, catalog={**HEAD, "format": 2, "owner": "me"}),
        catalog({"a": string(expires="2020-12-31")}, catalog={**HEAD, "format": 2, "owner": "me"}),
        "events.page_view.a",
    ),
    "draft-asked": (people(funnels=funnel()), people(status="draft", funnels=funnel()), "funnels.way"),
    "strict-funnel": (people(funnels=funnel()), people(funnels=funnel(order="strict")), "funnels.way"),
    "wide-funnel-dimension": (
        people({"n": number()}, funnels=funnel(dimension="n")),
        people({"n": {**number(), "type": "float"}}, funnels=funnel(dimension="n")),
        "funnels.way.n",
    ),
    "personal-entity": (
        people({"mail": string(sensitivity="personal", store="hash")}, entities={"mail": {"field": "mail"}}),
        people({"mail": string(sensitivity="personal", store="keep")}, entities={"mail": {"field": "mail"}}),
        "entities.mail",
    ),
    "field-undocumented": (catalog({"a": string()}), catalog({"a": {"type": "string"}}), "events.page_view.a"),
    "owner-missing": (
        catalog(catalog=HEAD, events={"page_view": event(owner="me")}),
        catalog(catalog=HEAD),
        "events.page_view",
    ),
    "personal-kept": (
        catalog({"a": string(sensitivity="personal", store="keep")}),
        catalog({"a": string(sensitivity="personal")}),
        "events.page_view.a",
    ),
    "secret-stored": (
        catalog({"a": string(sensitivity="secret")}),
        catalog({"a": string(sensitivity="secret", store="hash")}),
        "events.page_view.a",
    ),
    "sensitivity-missing": (
        catalog({"email": string(sensitivity="personal", store="keep"), "has_token": {**number(), "type": "bool"}}),
        catalog({"home_address": string()}),
        "events.page_view.home_address",
    ),
    "unit-missing": (
        catalog({"load_ms": number(unit="ms"), "terms": number()}),
        catalog({"load_ms": number()}),
        "events.page_view.load_ms",
    ),
    "column-missing": (
        catalog(events={"page_view": event({"service": string()}, columns={"service": "service"})}),
        catalog({"service": string()}),
        "events.page_view.service",
    ),
    "type-differs": (
        catalog(events={"a": event({"n": number()}), "b": event({"n": number()})}),
        catalog(events={"a": event({"n": number()}), "b": event({"n": string()})}),
        "events.b.n",
    ),
    "pattern-unanchored": (
        catalog({"a": string(pattern="^x$")}),
        catalog({"a": string(pattern="^x")}),
        "events.page_view.a",
    ),
    "pattern-slow": (
        catalog({"a": string(pattern="^a+$")}),
        catalog({"a": string(pattern="^(a+)+$")}),
        "events.page_view.a",
    ),
    "unused": (
        catalog({"a": {"type": "enum", "enum": "method", "description": "x"}}, enums=ENUMS),
        catalog(enums=ENUMS),
        "enums.method",
    ),
    "package-taken": (
        catalog(catalog={**HEAD, "owner": "me", "name": "adi", "python_package": "adi_analytics_events"}),
        catalog(catalog={**HEAD, "owner": "me", "name": "adi_analytics"}),  # its package has this name by default
        "catalog.python_package",
    ),
    "deprecation-unexplained": (
        catalog(events={"a": event(deprecated={"reason": "r"}, **RETIRED)}),
        catalog(events={"a": event(**RETIRED)}),
        "events.a",
    ),
    "replacement-outdated": (
        catalog(events={"a": REPLACED, "b": event()}),
        catalog(events={"a": REPLACED, "b": event(deprecated={"reason": "r"}, **RETIRED)}),
        "events.a",
    ),
    "draft-aggregated": (
        catalog(events={"page_view": event(status="draft")}, aggregates={"days": aggregate(**{"from": "all"})}),
        catalog(events={"page_view": event(status="draft")}, aggregates={"days": aggregate()}),
        "aggregates.days",
    ),
    "event-repeated": (listed("lines.n"), listed("n"), "aggregates.days.total"),
    "wide-dimension": (
        catalog({"n": number(min=0, max=9)}, aggregates={"days": aggregate(dimensions={"n": "n"})}),
        catalog({"n": {**number(), "type": "float"}}, aggregates={"days": aggregate(dimensions={"n": "n"})}),
        "aggregates.days.n",
    ),
    "free-dimension": (
        catalog(
            {"country": string(pattern="^[A-Z]{2}$"), "stars": number(min=1, max=5)},
            aggregates={"days": aggregate(dimensions={"c": "country", "s": "stars", "by": "$service"})},
        ),
        catalog({"url": string(max_length=80)}, aggregates={"days": aggregate(dimensions={"by": "url"})}),
        "aggregates.days.by",
    ),
    "column-unfilled": (
        catalog(
            events={"page_view": event({"by": {"type": "uuid", "description": "x"}}, columns={"user_id": "by"})},
            aggregates={"days": aggregate(measures={"users": {"distinct": "$user_id"}})},
        ),
        catalog(aggregates={"days": aggregate(measures={"users": {"distinct": "$user_id"}})}),
        "aggregates.days",
    ),
    "storage-spans": (
        catalog(storage={"retention": "8 days", "chunk_interval": "8 days"}),
        catalog(storage={"retention": "7 days"}),
        "storage.compress_after",
    ),
    "personal-aggregated": (
        catalog(URL, aggregates={"days": aggregate(measures={"urls": {"distinct": "url"}})}),
        catalog(URL, aggregates={"days": aggregate(measures={"url": {"first": "url"}})}),
        "aggregates.days.url",
    ),
}


def linted(project, text):
    loaded = load(project.write(text))
    assert loaded.catalog, loaded.findings
    return lint(loaded)


@pytest.mark.parametrize(
    ("today", "word"),
    [("2026-12-31", None), ("2027-01-01", "expires"), ("2027-01-31", "expires"), ("2027-02-01", "expired")],
)
@pytest.mark.parametrize("subject", ["events.page_view", "events.page_view.a", "aggregates.days"])
def test_what_expires_is_found_thirty_days_before(project, subject, today, word):
    until = {"expires": "2027-01-31"}
    keys = {
        name: until if name == subject else {} for name in ("events.page_view", "events.page_view.a", "aggregates.days")
    }
    text = catalog(
        catalog={**HEAD, "format": 2, "owner": "me"},
        events={"page_view": event({"a": string(**keys["events.page_view.a"])}, **keys["events.page_view"])},
        aggregates={"days": aggregate(**keys["aggregates.days"])},
    )
    found = lint(replace(load(project.write(text)), today=date.fromisoformat(today)))
    assert [(one.rule, one.subject) for one in found] == ([("expired", subject)] if word else [])
    assert all(f" {word} on 2027-01-31" in one.message for one in found)


def test_a_chart_of_what_is_no_number_is_found(project):
    found = {one.rule: one.message for one in linted(project, shown(panels=[{"measures": ["last"]}]))}
    assert found["mixed-units"] == "last is no number to draw: the table of its section shows it"


def test_what_a_section_can_be_asked_is_found_once(project, monkeypatch):
    seen = []

    def counted(catalog, aggregate, measure):
        seen.append(measure.name)
        return of_measure(catalog, aggregate, measure)

    monkeypatch.setattr(dashboard, "of_measure", counted)
    linted(project, shown(panels=[{"measures": ["last"]}]))
    assert len(seen) == len(set(seen)) > 1


def test_every_lint_has_a_case():
    assert sorted(CASES) == sorted(LINTS)


@pytest.mark.parametrize("rule", CASES)
def test_a_lint_likes_one_catalog_and_not_the_other(project, rule):
    good, bad, _ = CASES[rule]
    assert linted(project, good) == []
    found = linted(project, bad)
    assert {finding.rule for finding in found} == {rule}
    assert all(finding.fix for finding in found)


@pytest.mark.parametrize("rule", CASES)
def test_a_lint_can_be_suppressed_where_it_finds_something(project, rule):
    _, bad, _ = CASES[rule]
    subjects = {finding.subject for finding in linted(project, bad)}
    waivers = [{"rule": rule, "at": subject, "reason": "We know."} for subject in subjects]
    assert linted(project, json.dumps(json.loads(bad) | {"suppressions": waivers})) == []


@pytest.mark.parametrize("rule", [rule for rule, case in CASES.items() if "." in case[2]])
def test_a_lint_names_what_it_is_about(project, rule):
    _, bad, subject = CASES[rule]
    assert [finding.subject for finding in linted(project, bad)] == [subject]


def test_a_chunk_that_outlives_its_rows(project):
    storage = {"retention": "1 day", "chunk_interval": "2 days", "compress_after": "never"}
    assert [finding.subject for finding in linted(project, catalog(storage=storage))] == ["storage.chunk_interval"]


def test_a_suppression_needs_a_reason(project):
    text = catalog(suppressions=[{"rule": "unused", "at": "events.page_view"}])
    assert [finding.rule for finding in load(project.write(text)).findings] == ["missing-key"]


@pytest.mark.parametrize(("rule", "expected"), [("unused", "stale-suppression"), ("unuzed", "unknown-lint")])
def test_a_suppression_that_fits_nothing_is_an_error(project, rule, expected):
    text = catalog(suppressions=[{"rule": rule, "at": "domains.web", "reason": "We know."}])
    assert [(finding.rule, finding.severity) for finding in linted(project, text)] == [(expected, Severity.ERROR)]


def test_a_field_of_a_group_is_reported_once_where_it_is_defined(project):
    text = minimal(
        groups={"g": {"fields": {"a": {"type": "int"}}}},
        events={"a": event(include=["g"]), "b": event(include=["g"])},
    )
    assert [finding.subject for finding in linted(project, text)] == ["groups.g.a"]


@pytest.mark.parametrize("kind", [number(), number(min=0), number(min=0, max=1000)])
def test_a_whole_number_is_a_dimension_only_where_it_has_few_values(project, kind):
    text = catalog({"n": kind}, aggregates={"days": aggregate(dimensions={"by": "n"})})
    assert [finding.rule for finding in linted(project, text)] == ["free-dimension"]


@pytest.mark.parametrize(
    "pattern", ["^a$", "^(?:a|b)$", "^(a|b)$", "^a$|^b$", "(^a$|^b$)", "^(?=a).$", "^$", "(?!b)^a$"]
)
def test_an_anchored_pattern(project, pattern):
    assert linted(project, catalog({"a": string(pattern=pattern)})) == []


@pytest.mark.parametrize(
    "pattern", ["^a|b$", "^a|^b$", "a$|b$", "^(?:a|b$)", "^a\\$", "(^a|b)$", "^(?:b$)?", "^(?!a$)"]
)
def test_an_alternative_without_an_anchor(project, pattern):
    (finding,) = linted(project, catalog({"a": string(pattern=pattern)}))
    assert finding.rule == "pattern-unanchored"
    assert ("one alternative" in finding.message) == (pattern in {"^a|b$", "^a|^b$"})


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ({"pattern": "^a*a*$"}, 3162),
        ({"pattern": "^a*a*$", "max_length": 3163}, 3162),
        ({"pattern": "^a*a*$", "max_length": 3162}, None),
        ({"pattern": "^a*b?a*c?a*$", "max_length": 300}, 215),
        ({"pattern": "^a+b+$"}, None),
        ({"format": "uri"}, None),
    ],
)
def test_a_pattern_whose_time_grows_with_a_power_of_the_length(project, field, most):
    head = {"format": 2, "name": "small", "owner": "me"}
    found = linted(project, catalog({"a": string(sensitivity="none", **field)}, catalog=head))
    fixes = [one.fix.rpartition("max_length of ")[2] for one in found if one.rule == "pattern-slow"]
    assert fixes == ([] if most is None else [f"{most} at most"])


EIGHT = [f"e{index}" for index in range(8)]


@pytest.mark.parametrize(
    ("group", "rule"),
    [
        ({"fields": {"n": string()}}, "type-differs"),
        ({"fields": {"service": string()}}, "column-missing"),
        ({"fields": {"service": string(pattern="^(a+)+$")}, "columns": {"service": "service"}}, "pattern-slow"),
    ],
)
def test_what_is_wrong_in_a_group_is_found_once(project, group, rule):
    others = {name: event(include=["g"]) for name in EIGHT}
    events = {"first": event({"n": number()}), **others}
    (finding,) = linted(project, minimal(groups={"g": group}, events=events))
    assert finding.rule == rule
    assert finding.subject.startswith("groups.g.")


@pytest.mark.parametrize(
    ("group", "rule"),
    [
        ({"fields": {"x": string()}}, "reserved-name"),
        ({"fields": {"by": string()}, "columns": {"user_id": "by"}}, "column-type"),
        ({"columns": {"user_id": "by"}}, "unknown-field"),
        ({"fields": {"class": string()}}, "python-name"),
    ],
)
def test_an_error_in_a_group_is_found_once(project, group, rule):
    events = {name: event(include=["g"], reserved=["x"]) for name in EIGHT}
    loaded = load(project.write(minimal(groups={"g": group}, events=events)))
    assert [finding.rule for finding in loaded.findings] == [rule]


def test_the_catalogs_of_the_project_are_clean():
    for path in (EVENTS, ROOT / "examples" / "shop" / "events.yaml"):
        assert lint(load(path)) == []
