"""Catalogs that fail, each against the findings it should give; files that include others; what a catalog means."""

import ast
import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.check.catalog import load, load_catalog
from adi_analytics_codegen.check.rules import RULES
from adi_analytics_codegen.model.findings import CatalogError
from adi_analytics_codegen.model.fingerprint import fingerprint
from adi_analytics_codegen.model.kinds import Operator, Sensitivity, Store
from adi_analytics_codegen.model.readers import every_condition
from support.codegen.projects import minimal
from support.paths import EVENTS, FIXTURES

BAD = FIXTURES / "catalogs" / "bad"
CASES = sorted(path.stem for path in BAD.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES)
def test_a_bad_catalog_gives_the_findings_on_record(case, monkeypatch):
    monkeypatch.chdir(BAD)
    loaded = load(Path(f"{case}.yaml"))
    found = "".join(f"{finding}\n" for finding in loaded.findings)
    record = BAD / f"{case}.findings"
    if os.environ.get("UPDATE_GOLDEN"):
        record.write_text(found, encoding="utf-8")
    assert loaded.catalog is None
    assert found == record.read_text(encoding="utf-8")


def test_every_record_belongs_to_a_catalog():
    assert sorted(path.stem for path in BAD.glob("*.findings")) == CASES


def test_every_rule_about_catalogs_is_shown_by_a_bad_one():
    records = [path.read_text(encoding="utf-8") for path in BAD.glob("*.findings")]
    shown = {line.split()[2] for record in records for line in record.splitlines()}
    known = {name for name, rule in RULES.items() if rule.kind == "catalog"}
    assert shown == known


def test_every_finding_points_into_its_file_and_says_what_to_do():
    for case in CASES:
        loaded = load(BAD / f"{case}.yaml")
        for finding in loaded.findings:
            lines = Path(finding.at.file).read_bytes().splitlines() or [b""]
            assert 1 <= finding.at.line <= len(lines) + 1
            assert finding.message


def test_load_catalog_raises_all_findings():
    with pytest.raises(CatalogError) as caught:
        load_catalog(BAD / "many.yaml")
    assert len(caught.value.findings) > 40
    assert str(caught.value).count("\n") > 40


def test_a_file_that_is_not_there_is_a_finding(project):
    assert [finding.rule for finding in load(project.catalog).findings] == ["unreadable"]
    assert [finding.rule for finding in load(project.folder).findings] == ["unreadable"]


def test_a_catalog_may_be_split_over_files(project):
    project.write(
        "catalog: {format: 1, name: split}\ninclude: [web/web.yaml]\ndomains: {web: The site}\n"
        "reserved_events: [a]\nevents: {}\n"
    )
    project.write(
        "include: [../mail.yaml]\ngroups: {g: {fields: {x: {type: int}}}}\nreserved_events: [b]\n", "web/web.yaml"
    )
    project.write(
        "domains: {mail: Mail}\nevents: {sent: {domain: mail, description: Sent., include: [g]}}\n", "mail.yaml"
    )
    catalog = load_catalog(project.catalog)
    assert list(catalog.domains) == ["web", "mail"]
    assert catalog.reserved_events == ("a", "b")
    sent = catalog.event("sent")
    assert sent is not None
    field = sent.field("x")
    assert field is not None
    assert field.at.file == str(project.folder / "web" / "web.yaml")


def included(project, name):
    """Return the findings about a catalog that includes *name*, each with its place."""
    project.write(f"catalog: {{format: 1, name: split}}\ninclude: [{name}]\n", "main/events.yaml")
    return [
        (finding.rule, finding.at, finding.message) for finding in load(project.folder / "main/events.yaml").findings
    ]


@pytest.mark.parametrize(
    "name", ["../other.yaml", "/etc/passwd", "sub/../../other.yaml", "link.yaml", "folder/other.yaml"]
)
def test_an_include_may_not_leave_the_folder(project, name):
    project.write("domains: {mail: Mail}\n", "other.yaml")
    project.write("", "main/sub/empty.yaml")
    (project.folder / "main" / "link.yaml").symlink_to(project.folder / "other.yaml")
    (project.folder / "main" / "folder").symlink_to(project.folder)
    ((rule, at, message),) = included(project, name)
    assert (rule, at.file, at.line, at.column) == ("include", str(project.folder / "main/events.yaml"), 2, 11)
    assert "outside of the folder" in message


def test_an_include_may_be_a_link_within_the_folder(project):
    project.write("domains: {mail: Mail}\n", "main/sub/other.yaml")
    (project.folder / "main" / "link.yaml").symlink_to("sub/other.yaml")
    assert included(project, "link.yaml") == []


@pytest.mark.parametrize("name", ["sub", "pipe", "device", "loop.yaml"])
def test_an_include_must_be_a_file(project, name):
    folder = project.folder / "main"
    (folder / "sub").mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (folder / "device").symlink_to("/dev/zero")
    (folder / "loop.yaml").symlink_to("loop.yaml")
    ((rule, at, _),) = included(project, name)
    assert rule == ("include" if name == "device" else "unreadable")
    assert (at.file, at.line, at.column) == (str(folder / "events.yaml"), 2, 11)


def test_a_catalog_must_be_a_file():
    (finding,) = load(Path("/dev/zero")).findings
    assert (finding.rule, finding.message) == ("unreadable", "cannot read /dev/zero: it is no file")


def test_files_may_not_include_each_other(project):
    project.write("catalog: {format: 1, name: split}\ninclude: [other.yaml]\n")
    project.write("include: [events.yaml]\n", "other.yaml")
    assert [finding.rule for finding in load(project.catalog).findings] == ["include"]


def test_events_of_two_files_may_not_have_one_name(project):
    event = "events: {sent: {domain: mail, description: Sent.}}\n"
    project.write(f"catalog: {{format: 1, name: split}}\ninclude: [other.yaml]\ndomains: {{mail: Mail}}\n{event}")
    project.write(event, "other.yaml")
    (finding,) = load(project.catalog).findings
    assert finding.rule == "duplicate-key"
    assert "events.yaml:4:10" in finding.message


def test_scalars_follow_yaml_1_2(project):
    values = "{on: 'Switched on', no: Norway, 0x10: Hex, 1_000: Many, 12:30: Time}"
    project.write(f"catalog: {{format: 1, name: yaml}}\nenums: {{e: {{values: {values}}}}}\n")
    assert [value.name for value in load_catalog(project.catalog).enums[0].values] == [
        "on",
        "no",
        "0x10",
        "1_000",
        "12:30",
    ]


def test_groups_come_first_and_keep_their_columns():
    event = load_catalog(EVENTS).event("api_request")
    assert event is not None
    assert [field.name for field in event.fields[:2]] == ["service", "user_id"]
    assert (event.user_id_field, event.service_field) == ("user_id", "service")


def test_what_a_secret_or_personal_field_stores_by_default(project):
    fields = {name: {"type": "string", "sensitivity": name} for name in ("none", "pseudonymous", "personal", "secret")}
    project.write(minimal(events={"a": {"domain": "web", "description": "x", "fields": fields}}))
    stores = {field.sensitivity: field.store for field in load_catalog(project.catalog).events[0].fields}
    assert stores.pop(Sensitivity.SECRET) is Store.DROP
    assert set(stores.values()) == {Store.KEEP}


def test_an_aggregate_of_the_project():
    daily = next(a for a in load_catalog(EVENTS).aggregates if a.name == "analytics_daily_active_users")
    assert daily.all_events
    assert len(daily.sources) == 29
    assert [test.op for test in every_condition(daily.where)] == [Operator.EXISTS]
    assert [measure.trailing for measure in daily.measures] == [None, timedelta(days=7), timedelta(days=30), None]


def test_the_hash_does_not_see_comments_places_or_files(project):
    text = EVENTS.read_text(encoding="utf-8")
    project.write("\n\n# A comment.\n" + text)
    assert fingerprint(load_catalog(project.catalog)) == fingerprint(load_catalog(EVENTS))


def test_the_hash_sees_every_change_of_meaning(project):
    text = EVENTS.read_text(encoding="utf-8")
    project.write(text.replace("min: 100, max: 599", "min: 100, max: 600"))
    assert fingerprint(load_catalog(project.catalog)) != fingerprint(load_catalog(EVENTS))


def reading(**keys):
    """Return a catalog with two events and an aggregate that reads both."""
    daily = {
        "description": "x",
        "from": ["page_view", "page_left"],
        "bucket": {"as": "day", "width": "1 day"},
        "measures": {"views": {"count": True}},
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }
    event = {"domain": "web", "description": "x"}
    return minimal(events={"page_view": event, "page_left": event}, aggregates={"daily": daily | keys})


@pytest.mark.parametrize("where", [{"event": {"ne": "page_left"}}, {"event": {"in": ["page_view"], "ne": "page_left"}}])
def test_a_measure_may_leave_events_out(project, where):
    catalog = load_catalog(project.write(reading(measures={"views": {"count": True, "where": where}})))
    assert list(every_condition(catalog.aggregates[0].measures[0].where))[-1].op is Operator.NE


@pytest.mark.parametrize(("every", "fits"), [("1 day", True), ("46 hours", True), ("47 hours", False)])
def test_no_bucket_may_be_left_out_between_two_refreshes(project, every, fits):
    loaded = load(project.write(reading(refresh={"every": every, "window": "3 days", "lag": "2 hours"})))
    assert [finding.rule for finding in loaded.findings] == ([] if fits else ["refresh-window"])


@pytest.mark.parametrize(
    ("included", "place"),
    [
        ("events: [a]", "other.yaml:1:9"),
        ("include: more.yaml", "other.yaml:1:10"),
        ("include: [5]", "other.yaml:1:11"),
        ("groups: 5", "other.yaml:1:9"),
    ],
)
def test_nothing_of_an_included_file_is_passed_over(project, included, place):
    project.write(minimal(include=["other.yaml"]))
    project.write(included, "other.yaml")
    (finding,) = load(project.catalog).findings
    assert (finding.rule, str(finding.at)) == ("wrong-type", str(project.folder / place))


def test_a_section_of_an_included_file_may_be_empty(project):
    project.write(minimal(include=["other.yaml"]))
    project.write("events:\ninclude:\n", "other.yaml")
    assert [event.name for event in load_catalog(project.catalog).events] == ["page_view"]


def test_a_whole_number_may_have_a_point(project):
    fields = {"n": {"type": "int", "min": 1.0, "max": 1e3}, "x": {"type": "float", "min": 1.0}}
    event = {"domain": "web", "description": "x", "version": 2.0, "fields": fields, "examples": [{"n": 2.0, "x": 1}]}
    (made,) = load_catalog(project.write(minimal(events={"page_view": event}))).events
    assert [repr(value) for value in (made.version, made.fields[0].min, made.fields[0].max)] == ["2", "1", "1000"]
    assert repr(made.fields[1].min) == "1.0"


@pytest.mark.parametrize("bound", [1.5, 1e19])
def test_a_bound_of_an_int_is_a_whole_number_of_64_bits(project, bound):
    event = {"domain": "web", "description": "x", "fields": {"n": {"type": "int", "max": bound}}}
    (finding,) = load(project.write(minimal(events={"page_view": event}))).findings
    assert finding.rule == "wrong-value"


def test_an_optional_key_without_a_value_is_as_good_as_absent(project):
    def written(**keys):
        event = {"domain": "web", "description": "A page was shown.", "fields": {"url": {"type": "string", **keys}}}
        return load_catalog(project.write(minimal(events={"page_view": event | keys | {"description": "Shown."}})))

    assert fingerprint(written(description=None, deprecated=None)) == fingerprint(written())


def generated_names():
    """Return the names in generated Python modules that a class of the catalog could hide there."""
    for path in (FIXTURES / "golden" / "everything").rglob("*.py"):
        if path.name in {
            "_catalog.py",
            "_codec.py",
            "_dataclass.py",
            "_fields.py",
            "_info.py",
            "_pydantic.py",
            "_stored.py",
        }:
            continue  # they import no class of the catalog
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                yield node.id
            elif isinstance(node, ast.alias):
                yield node.asname or node.name


def test_no_class_can_hide_what_generated_code_uses(project):
    texts = [path.read_text(encoding="utf-8") for path in (FIXTURES / "golden").rglob("*.py")]
    own = {name for text in texts for name in re.findall("^class ([A-Z]\\w+)", text, re.MULTILINE)}
    used = {name for name in generated_names() if re.fullmatch("[A-Z][A-Za-z0-9]*", name)} - own
    assert {"EVENTS", "CATALOG", "DECODERS", "UUID"} <= used
    event = {"domain": "web", "description": "x"}
    project.write(minimal(events={name.lower(): event | {"class_name": name} for name in used}))
    found = [finding for finding in load(project.catalog).findings if finding.rule == "class-name"]
    assert {finding.subject.removeprefix("events.") for finding in found} == {name.lower() for name in used}


SEEN = {
    "at": {"type": "datetime"},
    "n": {"type": "int", "max": 10},
    "x": {"type": "float", "min": 0.5, "max": 1},
    "slow": {"type": "string", "pattern": "^(a+)+$"},
    "method": {"type": "enum", "enum": "method"},
    "flag": {"type": "bool"},
    "id": {"type": "uuid"},
}


@pytest.mark.parametrize(
    "where",
    [
        {"at": {"gte": "2024-02-29T00:00:00Z", "lte": "2024-02-29T01:00:00+01:00"}},
        {"n": {"gte": 10, "lt": 20}},
        {"n": {"gt": 8, "ne": 9}},
        {"n": -(2**63) + 1},
        {"x": {"gt": 0.9999, "lt": 5}},
        {"x": 1},
        {"slow": "a" * 40 + "!"},
        {"method": {"ne": "GET"}},
        {"flag": {"ne": True}},
        {"id": {"eq": "0190A0B4-5C8E-7D10-8F3E-2B6F5D1C9A01", "in": ["0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"]}},
        {"n": {"exists": False}},
        {"n": {"exists": True, "lt": 5}},
        {"$service": {"gt": "a", "lt": "b"}},
    ],
)
def test_a_where_that_a_row_can_pass(project, where):
    event = {"domain": "web", "description": "x", "fields": SEEN}
    enums = {"method": {"values": {"GET": "Read", "PUT": "Write"}}}
    sections = json.loads(reading(**{"from": ["page_view"]}, measures={"views": {"count": True, "where": where}}))
    project.write(json.dumps(sections | {"events": {"page_view": event}, "enums": enums}))
    assert load(project.catalog).findings == []
    assert render(load_catalog(project.catalog), ["sql"])


def test_a_value_that_one_of_the_events_can_have_is_possible(project):
    fields = [{"n": {"type": "int", "max": 10}}, {"n": {"type": "int", "min": 20}}]
    events = [{"domain": "web", "description": "x", "fields": own} for own in fields]
    sections = json.loads(reading(measures={"views": {"count": True, "where": {"n": [5, 25]}}}))
    project.write(json.dumps(sections | {"events": dict(zip(["page_view", "page_left"], events, strict=True))}))
    assert load(project.catalog).findings == []
