"""Annotations: where they go, what they must not change, and what is wrong with them."""

import json

import pytest
from adi_analytics_codegen.backends import docs
from adi_analytics_codegen.backends.json_schema import JsonSchemas
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.model.fingerprint import fingerprint, meaning
from adi_analytics_codegen.show import explain
from support.codegen.projects import minimal

NOTES = {
    "tags": ["billing", "core:web"],
    "links": {"runbook": "https://wiki.example/a_b"},
    "data_category": "contact",
    "expires": "2099-01-31",
    "x-jira": {"key": "AB-1", "more": [1, None, {"deep": True}]},
}
KEYS = {
    "x-tags": ["billing", "core:web"],
    "x-links": {"runbook": "https://wiki.example/a_b"},
    "x-data-category": "contact",
    "x-expires": "2099-01-31",
    "x-jira": {"key": "AB-1", "more": [1, None, {"deep": True}]},
}
DAYS = {
    "description": "Pages by day.",
    "from": ["seen"],
    "bucket": {"as": "day", "width": "1 day"},
    "measures": {"views": {"count": True}},
    "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
}


def catalog(notes, number=2, aggregate=True):
    field = {"type": "string", "description": "Something.", **notes}
    return minimal(
        catalog={"format": number, "name": "small", "owner": "me"},
        events={"seen": {"domain": "web", "description": "x", "fields": {"a": field}, **notes}},
        **({"aggregates": {"days": {**DAYS, **notes}}} if aggregate else {}),
    )


def loaded(project, text):
    found = load(project.write(text))
    assert found.catalog, found.findings
    return found.catalog


def test_schemas_and_docs_have_them(project):
    made = loaded(project, catalog(NOTES))
    schema = JsonSchemas(made).event(made.events[0])
    assert KEYS.items() <= schema.items()
    assert KEYS.items() <= schema["properties"]["a"].items()
    assert made.aggregates[0].annotations.as_keys() == KEYS
    pages = docs.render(made)
    for page, times in (("docs/domains/web.md", 2), ("docs/aggregates.md", 1)):
        for text in ("`core:web`", "runbook: <https://wiki.example/a_b>", "`contact`", "2099-01-31", '"deep": true'):
            assert pages[page].count(text) == times, text


@pytest.mark.parametrize("name", ["seen", "days"])
def test_explain_has_them(project, name):
    facts = explain.explain(loaded(project, catalog({**NOTES, "x-list": [1, None, {"a": []}]})), name)
    assert facts is not None
    assert KEYS.items() <= facts.items()
    text = explain.as_text(facts)
    assert "x-tags: billing, core:web\n" in text
    assert 'x-list: [1, null, {"a": []}]\n' in text


def test_they_change_nothing_that_is_stored(project):
    plain, noted = loaded(project, catalog({})), loaded(project, catalog(NOTES))
    assert plain.events[0].annotations != noted.events[0].annotations
    assert fingerprint(plain) == fingerprint(noted)
    assert meaning(plain.aggregates[0]) == meaning(noted.aggregates[0])
    assert plain.events == noted.events
    for old, new in ((plain, noted), (noted, plain)):
        assert compare(old, new, new.events[0].at, forward=True) == []


def test_links_may_have_no_names(project):
    urls = ["https://a.example", "http://b.example"]
    assert loaded(project, catalog({"links": urls})).events[0].annotations.as_keys() == {"x-links": urls}


def test_several_owners(project):
    seen = {"domain": "web", "description": "x", "owner": ["a@x.example", "b"]}
    text = minimal(
        catalog={"format": 2, "name": "small"},
        events={"seen": seen},
        aggregates={"days": {**DAYS, "owner": ["c", "d"]}},
    )
    made = loaded(project, text)
    assert (made.events[0].owner, made.aggregates[0].owner) == ("a@x.example, b", "c, d")


@pytest.mark.parametrize("key", NOTES)
def test_they_need_format_2(project, key):
    found = load(project.write(catalog({key: NOTES[key]}, number=1))).findings
    assert [one.rule for one in found] == ["needs-format"] * 3


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ({"expires": "2027-02-30"}, 'there is no day "2027-02-30"'),
        ({"expires": "soon"}, "YYYY-MM-DD"),
        ({"tags": ["two words"]}, "a word has"),
        ({"links": ["javascript:alert(1)"]}, "a link starts with"),
        ({"x-unit": "ms"}, '"x-unit" is a key of the JSON Schemas'),
        ({"x-big": {"deep": [2**70]}}, "too large"),
    ],
)
def test_what_is_wrong_is_reported_where_it_is(project, notes, message):
    found = load(project.write(catalog(notes, aggregate=False))).findings
    assert len(found) == 2
    assert all(message in one.message for one in found), found


def test_an_x_key_is_no_key_of_a_group(project):
    text = json.loads(catalog({}, aggregate=False)) | {"groups": {"g": {"x-a": 1}}}
    assert [one.rule for one in load(project.write(json.dumps(text))).findings] == ["unknown-key"]
