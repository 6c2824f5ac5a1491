"""Rules between fields: every validator keeps them alike, rows do not, and people are told."""

import json
from random import Random

import jsonschema
import jsonschema_rs
import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.rules import FieldRule, RuleKind, choice
from adi_analytics_codegen.show.sample import EventFactory, sample
from support.codegen.projects import Project, minimal, run_python
from support.codegen.ruled import KEPT, RULES, VALUES, instances, ruled
from support.codegen.typescript import run_node

PROGRAM = """
import json, sys
import small_events as events
from adi_analytics._engine.rows.validate import InvalidValueError, decoder_of
from pydantic import TypeAdapter, ValidationError

def accepts(check, given):
    try:
        check(given)
    except (events.EventDecodeError, InvalidValueError, ValidationError) as error:
        assert "Breaks the rule" in str(error), error
        return False
    return True

for line in sys.stdin:
    data, cls = json.loads(line), events.EVENTS[json.loads(line)["type"]]
    checks = (
        (events.from_json, line), (events.from_dict, data), (decoder_of(cls), line.encode()),
        (TypeAdapter(cls).validate_python, data), (events.from_stored, line),
    )
    print(json.dumps([accepts(check, given) for check, given in checks]))
"""
AJV = """
const given = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
const Ajv2020 = require("ajv/dist/2020").default;
const ajv = new Ajv2020({ strictSchema: false, validateFormats: false, allowUnionTypes: true });
const validate = ajv.compile(given.schema);
console.log(JSON.stringify(given.instances.map((instance) => validate(instance))));
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("project"))
    made.write(minimal(catalog={"format": 2, "name": "small", "owner": "me"}, events=ruled()))
    assert made.run("generate") == 0
    return made


def schema_of(project, name):
    return json.loads((project.out / "json_schema" / f"{name}.schema.json").read_text(encoding="utf-8"))


def test_every_decoder_keeps_the_rules_and_rows_stay_readable(project):
    lines = "\n".join(json.dumps(event) for event, _ in instances())
    found = run_python(f"import io, sys; sys.stdin = io.StringIO({lines!r}){PROGRAM}", project.out / "python")
    expected = [[allowed] * 4 + [True] for _, allowed in instances()]
    assert [json.loads(line) for line in found.splitlines()] == expected


def test_every_validator_of_the_schemas_keeps_the_rules(project, tmp_path):
    given = list(instances())
    stored = schema_of(project, "stored/events")
    assert all(jsonschema_rs.is_valid(stored, event) for event, _ in given)
    union = schema_of(project, "events")
    (tmp_path / "given.json").write_text(json.dumps({"schema": union, "instances": [event for event, _ in given]}))
    ajv = json.loads(run_node(AJV, tmp_path / "given.json"))
    rust = jsonschema_rs.validator_for(union)
    alone = {name: jsonschema.Draft202012Validator(schema_of(project, name)) for name in RULES}
    for (event, allowed), in_javascript in zip(given, ajv, strict=True):
        verdicts = (alone[event["type"]].is_valid(event), rust.is_valid(event), in_javascript)
        assert verdicts == (allowed,) * 3, event


def test_an_error_names_the_rule_and_the_keys_and_no_value(project):
    code = """
import small_events as events
try:
    events.from_dict({"type": "one", "e-mail": "secret", "note": 1})
except events.EventDecodeError as error:
    print(error)
"""
    told = "event one: Breaks the rule exactly_one_of: Exactly one of e-mail, phone and note must be present."
    assert run_python(code, project.out / "python").strip() == told


def test_people_are_told(project):
    typescript = (project.out / "typescript" / "events.ts").read_text()
    python = (project.out / "python" / "small_events" / "web.py").read_text()
    pages = (project.out / "docs" / "domains" / "web.md").read_text()
    assert "Exactly one of e-mail, phone and note must be present." in typescript
    assert "Exactly one of email, phone and note must be present." in python
    assert "- Where `email` is present, `phone` and `tags` must be, too." in pages


def test_samples_keep_the_rules(project):
    catalog = load_catalog(project.catalog)
    for event in catalog.events:
        for seed in range(30):
            made = sample(catalog, event, Random(seed))
            assert KEPT[event.name](*(made.get(key) is not None for key in VALUES)), made
    factory = EventFactory(catalog, json.loads)
    for _ in range(20):
        assert "phone" not in factory.make("one", **{"e-mail": "a@b"})
        assert "e-mail" in factory.make("all", tags=[1])


def test_a_choice_keeps_what_is_fixed_or_there_is_none(project):
    at = load_catalog(project.catalog).events[0].at
    rules = [FieldRule(RuleKind.EXACTLY_ONE_OF, ("a", "b"), at), FieldRule(RuleKind.REQUIRES, ("a", "c"), at)]
    assert choice(rules, {"c": False}, {"a": True}) == {"a": False, "b": True, "c": False}
    assert choice(rules, {"a": True, "c": False}) is None
