"""What changes the meaning of tests, computed values, ratios and items, and what only writes them otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.fields import Location
from support.codegen.projects import minimal

START = Location("events.yaml", 1, 1)
NUMBER = {"type": "int", "optional": True}
FIELDS: dict[str, dict[str, Any]] = {
    "a": NUMBER,
    "b": NUMBER,
    "c": NUMBER,
    "path": {"type": "string", "optional": True},
    "lines": {"type": "list", "items": {"type": "object", "fields": {"n": NUMBER}}},
}
FILTER, EXPRESSION = {"aggregate-filter-changed"}, {"aggregate-expression-changed"}
LESS, MORE = {"a": {"lt": 5}}, {"b": {"gt": 5}}
PEOPLE = {"people": {"distinct": "$user_id"}, "sites": {"distinct": "$service"}}


@pytest.fixture
def loaded(project):
    def load(fields=FIELDS, **keys):
        aggregate = {
            "description": "Pages.",
            "from": ["page_view"],
            "bucket": {"as": "day", "width": "1 day"},
            "measures": {"pages": {"count": True}},
            "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
            **keys,
        }
        event = {"domain": "web", "description": "x", "fields": fields}
        head = {"format": 2, "name": "small", "owner": "me"}
        path = project.write(minimal(catalog=head, events={"page_view": event}, aggregates={"pages": aggregate}))
        return load_catalog(path)

    return load


def measure(**keys):
    return {"measures": {"m": keys}}


def ratio(*sides):
    return {"measures": PEOPLE, "derived": {"rate": {"ratio": sides}}}


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        ({"where": {"$any": [LESS, MORE]}}, {"where": {"$any": [MORE, LESS]}}, set()),
        ({"where": {"$any": [LESS, MORE]}}, {"where": {"$all": [LESS, MORE]}}, FILTER),
        ({"where": {"$all": [LESS, MORE]}}, {"where": {**MORE, **LESS}}, set()),
        ({"where": LESS}, {"where": {"$not": LESS}}, FILTER),
        (measure(count=True, where={"$not": LESS}), measure(count=True, where={"$not": {**LESS, **MORE}}), EXPRESSION),
        (
            measure(count=True, where={"path": {"prefix": "/a"}}),
            measure(count=True, where={"path": {"prefix": "/"}}),
            EXPRESSION,
        ),
        (measure(sum={"product": ["a", "b"]}), measure(sum={"product": ["b", "a"]}), set()),
        (measure(sum={"product": ["a", "b"]}), measure(sum={"of": "b * a"}), set()),
        (measure(sum={"product": ["a", "b"]}), measure(sum={"product": ["a", "c"]}), EXPRESSION),
        (measure(sum={"product": ["a", "b"]}), measure(sum="a"), EXPRESSION),
        (measure(sum="a"), measure(sum={"of": "a"}), set()),
        (measure(sum={"of": "(a - b) * c"}), measure(sum={"of": "c * a - b * c"}), set()),
        (measure(sum={"of": "a - b"}), measure(sum={"of": "a - 1.0 * b"}), set()),
        (measure(sum={"of": "a - b"}), measure(sum={"of": "b - a"}), EXPRESSION),
        (measure(sum={"of": "a - b"}), measure(sum={"of": "a - b + 1"}), EXPRESSION),
        (measure(sum={"of": "a - b"}), measure(avg={"of": "a - b"}), EXPRESSION | {"aggregate-column-retyped"}),
        (ratio("people", "sites"), ratio(["people"], ["sites"]), set()),
        (ratio("people", "sites"), ratio("sites", "people"), EXPRESSION),
    ],
)
def test_a_change_of_meaning_is_found_and_another_spelling_is_not(loaded, old, new, rules):
    assert {finding.rule for finding in compare(loaded(**old), loaded(**new), START)} == rules


@pytest.mark.parametrize(
    ("keys", "gone"),
    [
        (measure(sum={"product": ["a", "b"]}), "b"),
        (measure(avg={"of": "a - 2 * b"}), "b"),
        (measure(count=True, where={"$any": [LESS, {"$not": MORE}]}), "b"),
        ({"each": "lines", "measures": {"m": {"sum": "lines.n"}}}, "lines.n"),
        ({"each": "lines"}, "lines"),
    ],
)
def test_a_field_that_is_read_anywhere_in_them_is_known_to_be_read(loaded, keys, gone):
    def made_optional(**keys):
        old, new = (loaded(fields=fields(name), **keys) for name in ("", gone))
        return "field-made-optional" in {finding.rule for finding in compare(old, new, START)}

    assert made_optional(**keys)
    assert not made_optional()


def fields(optional):
    """Return the fields, required but for the one called *optional*."""
    found = {name: {**field, "optional": name == optional} for name, field in FIELDS.items()}
    items = {"type": "object", "fields": {"n": {**NUMBER, "optional": optional == "lines.n"}}}
    return found | {"lines": {"type": "list", "optional": optional == "lines", "items": items}}
