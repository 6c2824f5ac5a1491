"""Random catalogs through every output: each is accepted by the tools of its language, and all say the same."""

import ast
import json
import random
import re
import shutil
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.check.breaking import compare
from adi_analytics_codegen.check.catalog import load, load_catalog
from adi_analytics_codegen.load.source.shape import Shape, catalog_schema
from adi_analytics_codegen.load.source.yaml import parse
from adi_analytics_codegen.model.fields import Location
from adi_analytics_codegen.model.findings import Findings
from adi_analytics_codegen.show.difference import difference
from adi_analytics_codegen.show.sample import sample
from adi_analytics_codegen.show.stream.history import History
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from support.codegen.catalogs import catalogs
from support.codegen.plans import PLANS, plan
from support.codegen.projects import minimal, run_python
from support.codegen.typescript import compile_typescript, run_node
from support.full import examples
from support.paths import EVENTS, FIXTURES, ROOT

GOLDEN = FIXTURES / "golden"
# Without Phase.shrink: for a whole catalog it takes longer than a test may, and says nothing before it ends.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)


def loaded(data):
    text = json.dumps(data, ensure_ascii=False).encode()
    made = load(Path("events.yaml"), lambda _path: text)
    # Random names meet: that is found, and the findings have tests of their own.
    assume(not any(finding.rule == "class-name" for finding in made.findings))
    assert made.catalog, [str(finding) for finding in made.findings]
    return made.catalog


@given(catalogs(), st.integers())
@settings(SLOW, max_examples=examples(12))
def test_samples_are_valid_for_two_validators_and_one_event_only(data, seed):
    catalog = loaded(data)
    files = render(catalog, ["json_schema"])
    union = jsonschema_rs.validator_for(json.loads(files["json_schema/events.schema.json"]))
    rng = random.Random(seed)
    for event in catalog.events:
        schema = json.loads(files[f"json_schema/{event.name}.schema.json"])
        jsonschema.Draft202012Validator.check_schema(schema)
        assert jsonschema_rs.meta.is_valid(schema)
        instance = sample(catalog, event, rng)
        jsonschema.validate(instance, schema)
        assert jsonschema_rs.is_valid(schema, instance)
        assert union.is_valid(instance)
        wrong: list[Any] = [{**instance, "type": "x"}, {**instance, "other_field_": 1}, {}, []]
        for broken in wrong:
            assert not jsonschema_rs.is_valid(schema, broken)
    for _, happened in History(catalog, days=3, until=datetime(2026, 3, 31, tzinfo=UTC), seed=seed).events(30):
        assert union.is_valid(happened), happened


READ = """
import json, sys
import random_events as events
for line in sys.argv[1].splitlines():
    event = events.from_json(line)
    assert event.EVENT_TYPE == json.loads(line)["type"]
    assert events.from_json(events.to_json(event)) == event
    # The plain decoders leave out what an open object holds besides its fields.
    assert "extra={" in repr(event) or events.DECODERS[event.EVENT_TYPE].decode(line) == event
    try:
        events.from_json(json.dumps(json.loads(line) | {"other_field_": 1}))
    except events.EventDecodeError as error:
        assert (error.event, error.field) == (event.EVENT_TYPE, "other_field_")
    else:
        raise AssertionError(line)
print("fine")
"""


@given(catalogs(), st.integers())
@settings(SLOW, max_examples=examples(8))
def test_samples_go_through_the_generated_python(data, seed):
    catalog = loaded(data)
    rng = random.Random(seed)
    lines = "\n".join(json.dumps(sample(catalog, event, rng)) for event in catalog.events for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        for path, text in render(catalog, ["python"]).items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        assert run_python(READ.replace("sys.argv[1]", repr(lines)), Path(folder) / "python") == "fine\n"


@given(catalogs())
@settings(SLOW, max_examples=examples(12))
def test_every_output_is_complete_and_the_same_each_time(data):
    catalog = loaded(data)
    files = render(catalog)
    assert files == render(catalog)
    for path, text in files.items():
        assert text == "" or text.endswith("\n")
        assert not re.search(r"[ \t]$", text, re.MULTILINE) or path.startswith("sql/"), path
        if path.endswith(".py"):
            ast.parse(text)
        if path.endswith(".json"):
            json.loads(text)
    for event in catalog.events:
        assert any(f"## {event.name}\n" in text for path, text in files.items() if path.startswith("docs/domains/"))


@given(catalogs(), catalogs())
@settings(SLOW, max_examples=examples(12))
def test_any_two_catalogs_can_be_compared(one, other):
    old, new = loaded(one), loaded(other)
    at = Location("events.yaml", 1, 1)
    assert compare(old, old, at) == []
    assert difference(old, old) == []
    assert {finding.subject for finding in compare(old, new, at) if finding.rule == "event-removed"} <= {
        f"events.{event.name}" for event in old.events
    }
    assert all(str(change) for change in difference(old, new))


@given(st.lists(catalogs(), min_size=1, max_size=3))
@settings(SLOW, max_examples=examples(2))
@pytest.mark.slow
def test_the_typescript_of_random_catalogs_compiles(many):
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for data in many:
            path = Path(folder) / f"{uuid.uuid4().hex}.ts"
            path.write_text(render(loaded(data), ["typescript"])["typescript/events.ts"], encoding="utf-8")
            files.append(path)
        assert compile_typescript(*files) == ""


USE = """
import { Channel, EVENT_TYPES, OrderState } from "./events";
import type { AnyEvent, EventOf, EventType, PageView } from "./events";
const channel: Channel = Channel.AD;
const lost: OrderState = OrderState.VALUE_404;
const names: ReadonlyArray<EventType> = Object.values(EVENT_TYPES);
console.log(channel, lost, names);
const view: PageView = {
  type: "page_view", visitor_id: "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", url: "https://x.example/",
  channel: "podcast", tags: ["a"], place: { country: "DE", city: null }, extra: { any: [1, null] },
};
const moved: EventOf<"order_moved"> = {
  type: "order_moved", visitor_id: "x", service: "web", state: "404", states: [],
};
export function name(event: AnyEvent): EventType {
  switch (event.type) {
    case "page_view": return event.place?.country ? event.type : view.type;
    case "order_placed": return event.lines.length > 1 ? event.type : moved.type;
    default: return event.type;
  }
}
"""
WRONG = """
import { EVENT_TYPES, OrderState } from "./events";
import type { OrderMoved, PageView } from "./events";
declare const view: PageView;
view.url = "x";
EVENT_TYPES.PageView = "page_left";
OrderState.NEW = "new";
export const moved: OrderMoved = { type: "order_moved", visitor_id: "x", service: "web", state: "lost", states: [] };
export const left: PageView = { type: "page_left", visitor_id: "x" };
"""


@pytest.mark.slow
def test_the_typescript_is_accepted_where_it_is_used_well_and_only_there(tmp_path):
    types = tmp_path / "events.ts"
    types.write_text((GOLDEN / "everything" / "typescript" / "events.ts").read_text(encoding="utf-8"))
    good, bad = tmp_path / "good.ts", tmp_path / "bad.ts"
    good.write_text(USE)
    bad.write_text(WRONG)
    own = EVENTS.parent / "generated" / "typescript" / "events.ts"
    plans = [tmp_path / f"{name}.ts" for name in PLANS]
    for file in plans:
        file.write_text(render(plan(file.stem), ["typescript"])["typescript/events.ts"], encoding="utf-8")
    assert compile_typescript(types, good, own, *plans, GOLDEN / "empty" / "typescript" / "events.ts") == ""
    complaints = compile_typescript(types, bad)
    assert complaints.count("error TS") >= 5, complaints


LOAD = """
const fs = require("fs"), ts = require("typescript");
const [source, target] = process.argv.slice(1);
const options = { compilerOptions: { module: ts.ModuleKind.CommonJS } };
fs.writeFileSync(target, ts.transpileModule(fs.readFileSync(source, "utf8"), options).outputText);
const { Channel, EVENT_TYPES, OrderState } = require(target);
console.log(JSON.stringify({ Channel, EVENT_TYPES, OrderState }));
"""


def test_the_typescript_has_values_at_run_time(tmp_path):
    printed = run_node(LOAD, GOLDEN / "everything" / "typescript" / "events.ts", tmp_path / "events.js")
    assert json.loads(printed) == {
        "Channel": {"AD": "ad", "MAIL": "mail", "DIRECT": "direct"},
        "EVENT_TYPES": {
            "PageView": "page_view",
            "PageLeft": "page_left",
            "PageScrolled": "page_scrolled",
            "SignedUp": "Signed Up",
            "OrderPlaced": "order_placed",
            "OrderMoved": "order_moved",
        },
        "OrderState": {"NEW": "new", "SHIPPED": "in-transit", "VALUE_404": "404"},
    }


@pytest.mark.parametrize(
    ("field", "notes"),
    [
        ({"type": "int", "min": 1, "max": 5}, "A whole number. 1 to 5."),
        ({"type": "float", "min": 0.5}, "At least 0.5."),
        ({"type": "int", "max": -1}, "A whole number. At most -1."),
        ({"type": "string", "min_length": 1}, "At least 1 character."),
        ({"type": "string", "max_length": 9, "pattern": "^\\d*/$"}, "At most 9 characters. Matches `^[0-9]*\\/$`."),
        ({"type": "list", "max_items": 3, "items": {"type": "uuid"}}, "At most 3 items. Each item: A uuid."),
        ({"type": "list", "items": {"type": "list", "min_items": 2, "items": {"type": "int", "min": 0}}},
         "Each item: At least 2 items. Each item: A whole number. At least 0."),
    ],
)  # fmt: skip
def test_the_typescript_says_the_bounds_of_a_field(project, field, notes):
    project.write(minimal(events={"a": {"domain": "web", "description": "x", "fields": {"f": field}}}))
    text = render(load_catalog(project.catalog), ["typescript"])["typescript/events.ts"]
    assert f"  /** {notes} */\n  readonly f: " in text


def test_ajv_compiles_the_schemas_with_the_documented_options(tmp_path):
    page = (ROOT / "docs" / "reference" / "catalog.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```js\n(.*?)```", page, re.DOTALL)
    folders = [
        GOLDEN / "everything" / "json_schema",
        GOLDEN / "empty" / "json_schema",
        ROOT / "generated" / "json_schema",
    ]
    for folder in folders:
        work = tmp_path / folder.parent.name
        shutil.copytree(folder, work / "json_schema")
        (work / "use.js").write_text(f"{block}\nmodule.exports = ajv;\n", encoding="utf-8")
    printed = run_node(COMPILE, *(tmp_path / folder.parent.name for folder in folders))
    assert printed == "true false false\n"


COMPILE = """
const fs = require("fs"), path = require("path");
const view = { type: "page_view", visitor_id: "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", url: "https://x.example/",
  channel: "podcast", tags: ["a"], place: null };
const valid = [];
for (const folder of process.argv.slice(1)) {
  process.chdir(folder);
  const ajv = require(path.join(folder, "use.js"));
  for (const name of fs.readdirSync("json_schema", { recursive: true })) {
    if (!name.endsWith(".json")) continue;
    const schema = JSON.parse(fs.readFileSync(path.join("json_schema", name)));
    const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
    if (name === "page_view.schema.json") {
      const bad = [{ ...view, visitor_id: "x" }, { ...view, place: { country: "D" } }];
      valid.push(...[view, ...bad].map((event) => validate(event)));
    }
  }
}
console.log(valid.join(" "));
"""


def test_links_in_the_documents_lead_somewhere():
    for root in (GOLDEN / "everything" / "docs", EVENTS.parent / "generated" / "docs"):
        for page in root.rglob("*.md"):
            for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
                path, _, anchor = target.partition("#")
                text = (page.parent / path).read_text(encoding="utf-8")
                assert not anchor or f"## {anchor}\n" in text, (page, target)


def test_the_examples_of_the_project_are_valid_for_the_generated_schemas():
    catalog = load_catalog(EVENTS)
    files = render(catalog, ["json_schema"])
    checked = 0
    for event in catalog.events:
        for example in event.examples:
            schema = json.loads(files[f"json_schema/{event.name}.schema.json"])
            jsonschema_rs.validate(schema, {"type": event.name, **example})
            checked += 1
    assert checked


def descriptions(schema, path="$"):
    """Yield the path of every property of *schema*, and whether it has a description."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}.{name}", inner
    for key, inner in schema.items():
        if isinstance(inner, dict):
            yield from descriptions(inner, f"{path}.{key}")
        elif isinstance(inner, list):
            for item in inner:
                if isinstance(item, dict):
                    yield from descriptions(item, f"{path}.{key}")


def test_every_key_of_the_format_has_a_description():
    schema = catalog_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    definitions = schema["$defs"]
    for path, inner in descriptions(schema):
        target = definitions.get(inner.get("$ref", "").removeprefix("#/$defs/"), {})
        assert inner.get("description") or target.get("description"), path


VALUES = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.sampled_from(["page_view", "int", "x y", "1 day", "$user_id"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "fields", "domain", "description", "measures", "of", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def spots(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from spots(inner, (*path, key))


def replaced(source, path, value):
    return value if not path else {**source, path[0]: replaced(source[path[0]], path[1:], value)}


@given(catalogs(), st.data(), VALUES)
@settings(SLOW, max_examples=examples(60))
def test_our_reading_of_the_format_agrees_with_a_full_validator(catalog, data, value):
    path = data.draw(st.sampled_from(list(spots(catalog))))
    text = json.dumps(replaced(catalog, path, value), ensure_ascii=False)
    findings = Findings()
    node = parse(text.encode(), "events.yaml", findings)
    assert node is not None
    Shape(catalog_schema(), findings).check(node)
    accepted = jsonschema_rs.is_valid(catalog_schema(), json.loads(text))
    assert accepted == (not findings.items), [str(finding) for finding in findings.items]
