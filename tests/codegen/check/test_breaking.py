"""Every rule of evolution on a change that it allows and on one that it does not."""

import json
from datetime import date

import pytest
from adi_analytics_codegen.check.breaking import FORWARD_RULES, RULES, accepted, compare
from adi_analytics_codegen.check.catalog import load, load_catalog
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.findings import Severity
from support.codegen.projects import minimal
from support.paths import EVENTS, FIXTURES

BREAKING = FIXTURES / "breaking"
START = Location("events.yaml", 1, 1)
CASES = sorted(path.stem for path in BREAKING.glob("*.yaml"))


def versions(rule, folder):
    """Return the catalogs of a fixture: the old one, one that passes, one that fails."""
    texts = (BREAKING / f"{rule}.yaml").read_text().split("--- #")
    for index, text in enumerate(texts):
        path = folder / f"{index}.yaml"
        path.write_text(f"#{text}")
        loaded = load(path)
        assert loaded.catalog, loaded.findings
        yield loaded.catalog


def rules_of(findings):
    return {finding.rule for finding in findings}


def test_every_rule_has_a_fixture_and_every_fixture_a_rule():
    assert sorted(RULES) == CASES


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_passes_what_it_allows_and_reports_what_it_does_not(rule, tmp_path):
    old, passing, failing = versions(rule, tmp_path)
    forward = rule in FORWARD_RULES
    assert rule not in rules_of(compare(old, passing, START, forward=forward))
    found = [finding for finding in compare(old, failing, START, forward=forward) if finding.rule == rule]
    assert found
    assert {finding.severity for finding in found} == {RULES[rule].severity}
    assert all(finding.subject for finding in found)


@pytest.mark.parametrize("rule", CASES)
def test_what_passes_has_no_error_at_all(rule, tmp_path):
    old, passing, _ = versions(rule, tmp_path)
    assert not [finding for finding in compare(old, passing, START) if finding.severity is Severity.ERROR]


@pytest.mark.parametrize("rule", FORWARD_RULES)
def test_what_only_strict_readers_refuse_is_reported_on_demand_alone(rule, tmp_path):
    old, _, failing = versions(rule, tmp_path)
    assert not [finding for finding in compare(old, failing, START) if finding.severity is Severity.ERROR]


def test_an_exception_from_a_forward_rule_is_stale_only_when_it_was_asked_for(project):
    field = {"n": {"type": "int", "optional": True}}
    exception = {"rule": "forward-field-added", "at": "events.page_view.n", "reason": "x", "until": "2026-12-31"}
    event = {"page_view": {"domain": "web", "description": "x", "fields": field}}
    new = load(project.write(minimal(events=event, exceptions=[exception])))
    old = load_catalog(project.write(one_event(fields={})))
    assert new.catalog
    day = date(2026, 6, 1)
    for before, stale in ((old, set()), (new.catalog, {"stale-exception"})):
        found = compare(before, new.catalog, START, forward=True)
        assert rules_of(accepted(found, new.exceptions, day, forward=True)) == stale
        assert accepted(compare(before, new.catalog, START), new.exceptions, day) == []
    late = accepted(compare(old, new.catalog, START), new.exceptions, date(2027, 1, 1))
    assert rules_of(late) == {"expired-exception"}


def test_an_optional_field_inside_an_object_is_reported_forward(project):
    def nested(**inner):
        place = {"type": "object", "fields": {"city": {"type": "string"}, **inner}}
        return one_event(fields={"place": place})

    old, new = catalogs(project, nested(), nested(zip={"type": "int", "optional": True}))
    (found,) = compare(old, new, START, forward=True)
    assert (found.rule, found.subject) == ("forward-field-added", "events.page_view.place.zip")


def catalogs(project, *texts):
    for text in texts:
        loaded = load(project.write(text))
        assert loaded.catalog, loaded.findings
        yield loaded.catalog


def one_event(**keys):
    return minimal(events={"page_view": {"domain": "web", "description": "x", **keys}})


def test_a_catalog_breaks_nothing_of_itself():
    catalog = load_catalog(EVENTS)
    assert compare(catalog, catalog, START) == []


def test_text_owners_and_examples_break_nothing(project):
    old, new = catalogs(
        project,
        one_event(fields={"n": {"type": "int"}}),
        one_event(fields={"n": {"type": "int", "description": "y"}}, owner="z", examples=[{"n": 1}]),
    )
    assert compare(old, new, START) == []


def test_drafts_are_exempt(project):
    old, new, gone = catalogs(
        project,
        one_event(status="draft", fields={"n": {"type": "int"}}),
        one_event(fields={"n": {"type": "string"}}),
        minimal(events={}),
    )
    assert compare(old, new, START) == []
    assert compare(old, gone, START) == []


def test_a_retired_event_may_go_when_its_name_is_reserved(project):
    retired = {"status": "retired", "deprecated": {"reason": "r"}}
    old, reserved, gone = catalogs(
        project,
        one_event(**retired),
        minimal(events={}, reserved_events=["page_view"]),
        minimal(events={}),
    )
    assert compare(old, reserved, START) == []
    assert rules_of(compare(old, gone, START)) == {"event-removed"}


def test_fields_inside_objects_and_lists_are_compared(project):
    def nested(inner):
        place = {"type": "object", "fields": {"city": inner}}
        return one_event(fields={"place": place, "places": {"type": "list", "items": place}})

    old, new = catalogs(project, nested({"type": "string"}), nested({"type": "int"}))
    found = compare(old, new, START)
    assert [finding.subject for finding in found] == ["events.page_view.place.city", "events.page_view.places.city"]
    assert rules_of(found) == {"type-changed"}


def waived(project, until, rule="field-removed", at="events.page_view.n"):
    old = one_event(fields={"n": {"type": "int"}})
    exception = {"rule": rule, "at": at, "reason": "Because.", "until": until}
    loaded_old = load_catalog(project.write(old))
    loaded = load(project.write(one_event(fields={})[:-1] + f', "exceptions": [{exception}]}}'.replace("'", '"')))
    assert loaded.catalog, loaded.findings
    found = compare(loaded_old, loaded.catalog, START)
    return accepted(found, loaded.exceptions, date(2026, 6, 1))


def test_an_exception_accepts_its_change_until_its_last_day(project):
    assert waived(project, "2026-06-01") == []
    assert rules_of(waived(project, "2026-05-31")) == {"field-removed", "expired-exception"}


def test_an_exception_that_fits_nothing_is_a_finding(project):
    found = waived(project, "2026-12-31", at="events.page_view.m")
    assert rules_of(found) == {"field-removed", "stale-exception"}
    assert rules_of(waived(project, "2026-12-31", rule="field-remove")) == {"field-removed", "unknown-rule"}


DAILY = {
    "description": "x",
    "bucket": {"as": "day", "width": "1 day"},
    "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"n": {"in": [1, 2]}}, {"n": [2, 1, 2]}),
        ({"n": 1}, {"n": {"in": [1]}}),
        ({"event": "page_view", "n": 1}, {"n": {"eq": 1}, "event": ["page_view"]}),
    ],
)
def test_a_where_said_in_other_words_breaks_nothing(project, before, after):
    fields = {"n": {"type": "int"}}

    def reading(where):
        days = {**DAILY, "from": ["page_view"], "measures": {"views": {"count": True, "where": where}}}
        return minimal(
            events={"page_view": {"domain": "web", "description": "x", "fields": fields}}, aggregates={"days": days}
        )

    old, new = catalogs(project, reading(before), reading(after))
    assert compare(old, new, START) == []


@pytest.mark.parametrize("path", ["place.city", "places.city"])
def test_a_field_inside_an_object_may_go_when_its_path_is_reserved(project, path):
    def with_places(*names, **keys):
        inner = {"type": "object", "fields": {name: {"type": "string"} for name in names}}
        places = {"place": inner, "places": {"type": "list", "items": inner}}
        kept = {name: field for name, field in places.items() if name == path.partition(".")[0]}
        return one_event(fields=kept, **keys)

    old, gone, reserved = catalogs(
        project, with_places("city", "street"), with_places("street"), with_places("street", reserved=[path])
    )
    assert rules_of(compare(old, gone, START)) == {"field-removed"}
    assert compare(old, reserved, START) == []
    again = load(project.write(with_places("city", reserved=[path])))
    assert [finding.rule for finding in again.findings] == ["reserved-name"]


@pytest.mark.parametrize("bucket", [{"time_zone": "Europe/Berlin"}, {"width": "1 week"}])
def test_another_time_zone_or_width_makes_other_buckets(project, bucket):
    def cut(version, **keys):
        days = {**DAILY, "from": "all", "measures": {"rows": {"count": True}}, "version": version}
        days |= {"bucket": {"as": "day", "width": "1 day", **keys}}
        days |= {"refresh": {"every": "1 hour", "window": "20 days", "lag": "1 hour"}}
        events = {"page_view": {"domain": "web", "description": "x"}}
        return minimal(catalog={"format": 2, "name": "small"}, events=events, aggregates={"days": days})

    old, new, raised = catalogs(project, cut(1), cut(1, **bucket), cut(2, **bucket))
    assert rules_of(compare(old, new, START)) == {"aggregate-bucket-changed"}
    assert compare(old, raised, START) == []
    assert compare(new, old, START)[0].message.count("Europe/Berlin") == ("time_zone" in bucket)


def test_an_enum_that_becomes_a_string_keeps_the_type_of_the_columns_that_show_it(project):
    def shown(kind):
        days = {**DAILY, "from": ["page_view"], "dimensions": {"by": "f"}, "measures": {"some": {"first": "f"}}}
        return minimal(
            enums={"color": {"values": {"red": "Red"}}},
            events={"page_view": {"domain": "web", "description": "x", "fields": {"f": kind}}},
            aggregates={"days": days},
        )

    old, new = catalogs(project, shown({"type": "enum", "enum": "color"}), shown({"type": "string"}))
    assert rules_of(compare(old, new, START)) == {"type-widened"}


EMPTY = [
    {"type": "string", "min_length": 0},
    {"type": "list", "items": {"type": "int"}, "min_items": 0},
    {"type": "int", "min": -(2**63), "max": 2**63 - 1},
]


@pytest.mark.parametrize("field", EMPTY)
def test_a_bound_that_every_value_keeps_is_none(project, field):
    bare = {key: value for key, value in field.items() if key in {"type", "items"}}
    old, new = catalogs(project, one_event(fields={"f": bare}), one_event(fields={"f": field}))
    assert compare(old, new, START) == []


@pytest.mark.parametrize("bound", [{"max": 2**63 - 2}, {"min": 0}])
def test_an_empty_bound_can_be_tightened(project, bound):
    texts = [one_event(fields={"n": {"type": "int", **keys}}) for keys in (EMPTY[-1], EMPTY[-1] | bound)]
    old, new = catalogs(project, *texts)
    assert rules_of(compare(old, new, START)) == {"bounds-tightened"}


def counting(store, measures, **keys):
    """Return a catalog with an aggregate over two events that share the field ``email``."""
    fields = {"email": {"type": "string", "sensitivity": "personal", "store": store}}
    event = {"domain": "web", "description": "x"}
    other = event | {"fields": {"email": {"type": "string", "sensitivity": "personal", "store": "keep"}}}
    days = {**DAILY, "from": ["page_view", "page_left"], "measures": measures, **keys}
    return minimal(events={"page_view": event | {"fields": fields}, "page_left": other}, aggregates={"days": days})


@pytest.mark.parametrize("kind", ["distinct", "min", "max", "first", "last"])
def test_no_column_may_show_values_and_their_hashes(project, kind):
    measures = {"people": {kind: "email"}}
    old, new = catalogs(project, counting("keep", measures), counting("hash", measures))
    (found,) = compare(old, new, START)
    assert (found.rule, found.severity) == ("store-raised-read", Severity.ERROR)
    assert "days.people" in found.message


def test_a_hash_that_no_column_shows_is_a_warning(project):
    measures = {
        "people": {"distinct": "email", "where": {"event": "page_left"}},
        "known": {"count": True, "where": {"email": {"exists": True}}},
    }
    old, new = catalogs(project, counting("keep", measures), counting("hash", measures))
    assert rules_of(compare(old, new, START)) == {"store-raised"}


def test_a_dimension_may_not_become_a_hash(project):
    keys = {"dimensions": {"by": "email"}}
    old, new = catalogs(project, *(counting(store, {"rows": {"count": True}}, **keys) for store in ("keep", "hash")))
    assert rules_of(compare(old, new, START)) == {"store-raised-read"}


def test_notes_are_no_errors_for_a_pipeline(project, capsys):
    old = project.write(one_event(fields={"n": {"type": "int"}}), "old.yaml")
    project.write(one_event(fields={"n": {"type": "int", "unit": "ms"}}))
    assert project.run("breaking", "--against", old) == 0
    assert capsys.readouterr().out.endswith("0 errors, 0 warnings, 1 note\n")
    assert project.run("breaking", "--against", old, "--format", "github") == 0
    assert capsys.readouterr().out.startswith("::notice file=")


PAGE_FIELDS = {"load": {"type": "int"}, "page": {"type": "string"}, "mail": {"type": "string"}}


def of_pages(measures, dimensions=None, **sections):
    """Return a catalog with an aggregate of what its page views took."""
    pages = {
        "description": "Pages by day.", "version": 2 if dimensions is None else 1, "from": ["page_view"],
        "bucket": {"as": "day", "width": "1 day"}, "dimensions": dimensions or {},
        "measures": {name: {"max": "load"} for name in measures},
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }  # fmt: skip
    event = {"page_view": {"domain": "web", "description": "x", "fields": PAGE_FIELDS}}
    return minimal(catalog={"format": 2, "name": "small"}, events=event, aggregates={"pages": pages}, **sections)


def test_an_edit_says_which_panels_it_empties(project, capsys):
    panels = [{"title": "Best", "measures": ["a", "b"]}, {"measures": ["c", "d"]}]
    shown = {"by": "page", "panels": panels, "measures": {"d": {"hide": True}, "f": {"hide": True}}}
    old = of_pages("abcdefg", {"page": "page", "mail": "mail"}, dashboard={"sections": {"pages": shown}})
    old = project.write(old, "old.yaml")
    project.write(of_pages("bg"))
    project.run("breaking", "--against", old, "--format", "json")
    found = [one for one in json.loads(capsys.readouterr().out)["findings"] if one["rule"] == "panel-emptied"]
    assert {one["severity"] for one in found} == {"note"}
    assert {one["subject"]: one["message"].removeprefix("dashboard.pages: ") for one in found} == {
        "dashboard.pages.a": "the panel Best loses a",
        "dashboard.pages.c": "the panel c and d loses c, and is empty",
        "dashboard.pages.e": "no panel shows e any more",
        "dashboard.pages.page": "its table was grouped by page, and no panel can be grouped by page any more",
        "dashboard.pages.mail": "no panel can be grouped by mail any more",
    }
    project.run("breaking", "--against", old)
    assert "note panel-emptied dashboard.pages: the panel Best loses a" in capsys.readouterr().out


def test_a_section_that_goes_is_said_unless_it_was_hidden(project):
    for hide, rules in ((False, {"aggregate-removed", "panel-emptied"}), (True, {"aggregate-removed"})):
        old = load_catalog(project.write(of_pages("a", {}, dashboard={"sections": {"pages": {"hide": hide}}})))
        assert rules_of(compare(old, load_catalog(project.write(one_event(fields=PAGE_FIELDS))), START)) == rules


def test_a_dimension_that_no_answer_shows_any_more_is_said(project):
    old = of_pages("a", {"mail": "mail"})
    kept = json.loads(old)
    kept["events"]["page_view"]["fields"]["mail"] |= {"sensitivity": "personal", "store": "keep"}
    before, after = load_catalog(project.write(old)), load_catalog(project.write(json.dumps(kept)))
    assert "panel-emptied" in rules_of(compare(before, after, START))
    assert "panel-emptied" not in rules_of(compare(after, before, START))


NOTHING = {"type": "decimal", "precision": 8, "scale": 2}


@pytest.mark.parametrize(
    ("new", "keys"),
    [
        ({"precision": 7}, ["whole_digits"]),
        ({"precision": 9, "scale": 3}, []),
        ({"scale": 3}, ["whole_digits"]),
        ({"scale": 1}, ["scale"]),
        ({"min": 0}, ["min"]),
        ({"precision": 20}, []),
    ],
)
def test_a_decimal_may_have_more_digits_and_never_less(project, new, keys):
    head = {"format": 2, "name": "small", "owner": "me"}
    made = []
    for field in (NOTHING, NOTHING | new):
        events = {"paid": {"domain": "web", "description": "x", "fields": {"sum": field}}}
        project.write(minimal(catalog=head, events=events))
        made.append(load_catalog(project.catalog))
    found = compare(made[0], made[1], START)
    assert [finding.message.split(" ")[1] for finding in found if finding.rule == "bounds-tightened"] == keys


def values(nullable):
    return {"type": "map", "values": {"type": "int", "nullable": nullable}}


@pytest.mark.parametrize("version", [1, 2])
def test_values_that_could_be_null_stay_so_whatever_the_version(project, version):
    head = {"format": 2, "name": "small", "owner": "me"}
    made = []
    for number, nullable in ((1, True), (version, False)):
        event = {"domain": "web", "description": "x", "version": number, "fields": {"sums": values(nullable)}}
        project.write(minimal(catalog=head, events={"paid": event}))
        made.append(load_catalog(project.catalog))
    old, new = made
    assert [finding.rule for finding in compare(old, new, START)] == ["field-made-required"]
    assert "field-made-required" not in {finding.rule for finding in compare(new, old, START)}
    assert "forward-field-made-optional" in {finding.rule for finding in compare(new, old, START, forward=True)}


LEVEL = {"type": "enum", "enum": "level"}
NUMBERS = {"level": {"type": "int", "values": {"1": "Low", "2": "High"}}}


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (LEVEL, {"type": "int"}, {"type-widened"}),
        (LEVEL, {"type": "float"}, {"type-widened-read"}),
        ({"type": "int"}, LEVEL, {"type-changed"}),
        (LEVEL, {"type": "string"}, {"type-changed"}),
    ],
)
def test_an_enum_of_numbers_is_an_int_with_few_values(project, old, new, rules):
    made = []
    for field in (old, new):
        days = {**DAILY, "from": ["page_view"], "dimensions": {"by": "f"}, "measures": {"rows": {"count": True}}}
        event = {"domain": "web", "description": "x", "fields": {"f": field, "g": LEVEL}}
        head = {"format": 2, "name": "small", "owner": "me"}
        project.write(minimal(catalog=head, enums=NUMBERS, events={"page_view": event}, aggregates={"days": days}))
        made.append(load_catalog(project.catalog))
    assert rules <= rules_of(compare(made[0], made[1], START)) <= rules | {"aggregate-column-retyped"}


@pytest.mark.parametrize(
    ("old", "new", "rules"),
    [
        (None, {"type": "int", "default": 1}, set()),
        (None, {"type": "int", "const": 1}, set()),
        ({"type": "int"}, {"type": "int", "default": 1}, {"forward-field-made-optional"}),
        ({"type": "int", "const": 1}, {"type": "int", "const": 2}, {"bounds-tightened", "forward-bounds-loosened"}),
        ({"type": "int", "const": 1}, {"type": "int", "default": 1}, {"forward-bounds-loosened"}),
        ({"type": "int", "const": 1}, {"type": "int"}, {"default-removed", "forward-bounds-loosened"}),
        ({"type": "int", "optional": True}, {"type": "int", "default": 1}, {"field-made-required"}),
        ({"type": "int", "default": 1}, {"type": "int", "optional": True}, set()),
    ],
)
def test_a_field_with_a_default_may_be_left_out(project, old, new, rules):
    made = []
    for field in (old, new):
        fields = {} if field is None else {"pages": field}
        head = {"format": 2, "name": "small", "owner": "me"}
        project.write(minimal(catalog=head, events={"seen": {"domain": "web", "description": "x", "fields": fields}}))
        made.append(load_catalog(project.catalog))
    found = rules_of(compare(made[0], made[1], START, forward=True))
    assert found - {"forward-field-added", "field-made-optional"} == rules
