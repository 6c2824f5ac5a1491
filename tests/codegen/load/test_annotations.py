"""Annotations: where they go, what they must not change, and what is wrong with them."""

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from adi_analytics_codegen.backends import docs
from adi_analytics_codegen.backends.json_schema import JsonSchemas
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.check.lint import lint
from adi_analytics_codegen.model.fingerprint import canonical, fingerprint, meaning
from adi_analytics_codegen.model.readers import questions
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


PEOPLE: dict[str, dict[str, dict[str, Any]]] = {
    "entities": {"$user_id": {"description": "Everybody."}},
    "retention": {
        "back": {
            "description": "Who comes back.",
            "start": "seen",
            "return": "any",
            "bucket": {"as": "week", "width": "1 week"},
            "periods": 3,
        }
    },
    "funnels": {
        "flow": {
            "description": "How far they get.",
            "within": "7 days",
            "bucket": {"as": "day", "width": "1 day"},
            "steps": {"one": "seen", "two": {"event": "seen", "where": {"a": "x"}}},
        }
    },
}


def asking(notes):
    """Return a catalog with a question about people of each kind, and *notes* on each."""
    fields = {
        "user_id": {"type": "uuid", "sensitivity": "pseudonymous", "description": "Who."},
        "a": {"type": "string", "description": "Something.", "max_length": 9},
    }
    seen = {"domain": "web", "description": "x", "fields": fields, "columns": {"user_id": "user_id"}}
    named = {part: {name: {**one, **notes} for name, one in entries.items()} for part, entries in PEOPLE.items()}
    return minimal(catalog={"format": 2, "name": "small", "owner": "me"}, events={"seen": seen}, **named)


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


def test_questions_about_people_have_them(project):
    plain, made = loaded(project, asking({})), loaded(project, asking({**NOTES, "owner": ["a", "b"]}))
    page = docs.render(made)["docs/people.md"]
    for text in ("owned by a, b", "`core:web`", "runbook: <https://wiki.example/a_b>", "`contact`", '"deep": true'):
        assert page.count(text) == 3, text
    for old, new in zip(questions(plain), questions(made), strict=True):
        assert new.annotations.as_keys() == KEYS
        facts = explain.explain(made, new.name)
        assert facts is not None
        assert KEYS.items() <= facts.items()
        assert (old.owner, new.owner) == ("me", "a, b")
        assert canonical(replace(new, owner="me")) == canonical(old)
    owned = loaded(project, asking({"owner": ["a", "b"]}))
    assert fingerprint(owned) == fingerprint(made)


def test_questions_about_people_expire(project):
    made = load(project.write(asking({"expires": "2026-01-01"})))
    assert made.catalog
    found = [one for one in lint(made) if one.rule == "expired"]
    subjects = ["entities.$user_id", "retention.back", "funnels.flow"]
    assert [(one.subject, one.message) for one in found] == [
        (subject, f"the {word} expired on 2026-01-01")
        for subject, word in zip(subjects, ("entity", "retention", "funnel"), strict=True)
    ]


def test_field_info_has_them_at_run_time(project):
    project.write(catalog({**NOTES, "x-long": ["word " * 9] * 4}))
    assert project.run("generate") == 0
    code = "import json; from small_events import *; print(json.dumps(field_info(Seen)['a'].annotations))"
    assert json.loads(project.python(code)) == {**KEYS, "x-long": ["word " * 9] * 4}
    package = project.out / "python" / "small_events"
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


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
        catalog={"format": 2, "name": "small", "owner": ["e", "f"]},
        events={"seen": seen, "gone": {"domain": "web", "description": "x"}},
        aggregates={"days": {**DAYS, "owner": ["c", "d"]}, "others": DAYS},
    )
    made = loaded(project, text)
    assert [event.owner for event in made.events] == ["a@x.example, b", "e, f"]
    assert ([one.owner for one in made.aggregates], made.owner) == (["c, d", "e, f"], "e, f")


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
