"""Python, TypeScript, Rust and Go: what one writes every other reads, and they refuse the same."""

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from adi_analytics_codegen.backends import render
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.model.kinds import FieldType, Store
from adi_analytics_codegen.model.text.spelling import too_much_for_an_automaton
from adi_analytics_codegen.show.sample import sample
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.codegen.catalogs import catalogs
from support.codegen.compiled import Program, compile_go, compile_rust
from support.codegen.plans import PLANS, as_lines, plan, samples
from support.codegen.projects import minimal, run_python
from support.codegen.ruled import instances, ruled
from support.codegen.typescript import run_node
from support.codegen.values import ENUMS, FIELDS, VALUES
from support.full import examples
from support.once import once
from support.paths import EVENTS, FIXTURES, ROOT

GOOD = FIXTURES / "catalogs" / "good"
FILES = {
    "adi": EVENTS,
    "shop": ROOT / "examples" / "shop" / "events.yaml",
    "everything": GOOD / "everything.yaml",
    "empty": GOOD / "empty.yaml",
}
COMPILERS = {"rust": compile_rust, "go": compile_go}


def catalog_of(case: str) -> Catalog:
    """Return a catalog, without the quote in a key that the tag of a Go struct cannot have."""
    loaded = load(FILES[case], lambda path: path.read_bytes().replace(b"it's ~", b"its ~"))
    assert loaded.catalog, loaded.findings
    return loaded.catalog


def edges() -> Catalog:
    """Return a catalog with the fields of `test_agreement`, each alone and inside other things."""
    fields: dict[str, Any] = {name: {**field, "optional": True} for name, field in FIELDS.items()}
    deep = {
        "zip": {"type": "int", "min": -5},
        "n": {"type": "int", "default": 3},
        "items": {"type": "list", "items": {"type": "uuid"}, "min_items": 1},
    }
    events = {
        "seen": {"domain": "web", "description": "x", "version": 2, "fields": fields},
        "nested": {
            "domain": "web",
            "description": "x",
            "fields": {
                "super": {"type": "string", "description": "Not a name in Rust"},
                "match": {"type": "string", "optional": True, "pattern": "^[a&b~c]\\/\\u00e9?$"},
                "validate": {"type": "bool"},
                "big": {"type": "int"},
                "boxes": {"type": "list", "items": {"type": "object", "fields": deep}},
                "raw": {"type": "json"},
            },
        },
        # Names that the Rust of the tables and the rows has, too.
        "field": {
            "domain": "web",
            "description": "x",
            "class_name": "Row",
            "fields": {"kind": {"type": "enum", "enum": "kind"}, "store": {"type": "enum", "enum": "store"}},
        },
        **ruled(),
    }
    head = {"format": 2, "name": "small", "outputs": ["rust", "go"], "owner": "me"}
    enums = ENUMS | {name: {"values": {"red": "Red"}} for name in ("kind", "store")}
    text = minimal(catalog=head, enums=enums, events=events)
    made = load(Path("events.yaml"), lambda _path: text.encode())
    assert made.catalog, made.findings
    return made.catalog


@pytest.fixture(scope="module", params=COMPILERS)
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = {name: catalog_of(name) for name in FILES} | {"edges": edges()} | {name: plan(name) for name in PLANS}
    return once(tmp_path_factory, f"languages-{request.param}", lambda folder: COMPILERS[request.param](folder, made))


def python_of(catalog: Catalog, folder: Path) -> Path:
    for path, text in render(catalog, ["python"]).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder / "python"


def events_of(catalog: Catalog) -> list[str]:
    """Return samples of every event, one JSON a line."""
    rng = random.Random(7)
    return [json.dumps(sample(catalog, event, rng)) for event in catalog.events for _ in range(4)]


WRITE = """
import json, sys
import {package} as events
for line in {lines!r}:
    print(events.to_json(events.from_json(line)).decode())
"""


def through_python(catalog: Catalog, lines: list[str], folder: Path) -> list[str]:
    code = WRITE.format(package=catalog.python_package, lines=lines)
    return run_python(code, python_of(catalog, folder)).removesuffix("\n").split("\n")


def canonical(line: str) -> str:
    """Return *line* with every float in one spelling: that of a float is each language's own."""

    def whole(text: str) -> float:
        return float(text) if abs(int(text)) < 2**53 else int(text)

    return json.dumps(json.loads(line, parse_int=whole), ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("case", ["adi", "shop", "everything"])
def test_what_one_language_writes_every_other_reads(program, case, tmp_path):
    catalog = catalog_of(case)
    written = through_python(catalog, events_of(catalog), tmp_path)
    read = program.run(f"{case}\tsent\t\t{line}" for line in written)
    assert list(map(canonical, read)) == list(map(canonical, written))
    assert through_python(catalog, read, tmp_path) == written
    for old, new in zip(written, read, strict=True):
        if not re.search(r"[0-9.]e[0-9]|\.[0-9]", re.sub(r'"[^"]*"', "", old)):  # no floats
            assert new == old
    script = "for (const line of JSON.parse(process.argv[1])) console.log(JSON.stringify(JSON.parse(line)));"
    from_node = run_node(script, json.dumps(written)).splitlines()
    assert program.run(f"{case}\tsent\t\t{line}" for line in from_node) == read


def row_of(fields, data):
    """Return what the worker stores of *data*."""
    row = {}
    for field in fields:
        if field.key not in data or field.store is Store.DROP:
            continue
        row[field.key] = "0f" * 32 if field.store is Store.HASH else _inner(field, data[field.key])
    return row


def _inner(field, value):
    if value is None:
        return None
    if field.type is FieldType.OBJECT:
        return row_of(field.fields, value)
    if field.type is FieldType.MAP:
        return {key: _inner(field.items, item) for key, item in value.items()}
    return [_inner(field.items, item) for item in value] if field.items is not None and value is not None else value


@pytest.mark.parametrize("case", ["adi", "shop", "everything"])
def test_rows_are_read_as_they_are_stored(program, case, tmp_path):
    catalog = catalog_of(case)
    written = through_python(catalog, events_of(catalog), tmp_path)
    lines, expected = [], []
    for text in written:
        data = json.loads(text)
        event = next(event for event in catalog.events if event.type == data["type"])
        row = row_of(event.fields, data)
        sent = json.dumps({"type": event.type, **row, "field_of_later": 1}, ensure_ascii=False)
        lines.append(f"{case}\tstored\t{event.version}\t{sent}")
        expected.append(canonical(json.dumps(row)))
        for field in event.fields:
            is_needed = not field.may_be_left_out and field.store is Store.KEEP
            short = {name: value for name, value in row.items() if name != field.key}
            for version in (event.version, event.version - 1, event.version + 1, ""):
                lines.append(f"{case}\tstored\t{version}\t{json.dumps({'type': event.type, **short})}")
                refused = is_needed and version == event.version
                expected.append(f"! {field.key}" if refused else canonical(json.dumps(short)))
    found = [line if line.startswith("!") else canonical(line) for line in program.run(lines)]
    assert found == expected


@pytest.mark.parametrize("name", PLANS)
def test_samples_of_real_plans_are_read_and_written_again(program, name):
    lines = as_lines(samples(plan(name)))
    found = program.run(f"{name}\tsent\t\t{line}" for line in lines)
    assert list(map(canonical, found)) == list(map(canonical, lines))


def test_an_unknown_event_is_an_error_when_sent_and_a_value_when_stored(program):
    lines = ['empty\tsent\t\t{"type":"x"}', 'adi\tsent\t\t{"type":"x"}', 'empty\tstored\t1\t{"type":"x"}']
    sent, other, stored = program.run([*lines])
    assert (sent, other) == ("! type", "! type")
    assert stored.startswith("? x {")


@pytest.mark.parametrize(
    ("pattern", "odd"),
    [
        ("^(a{100}){10}$", None),
        ("^(a{100}){11}$", "{11}"),
        ("^(a{100}b{100}){0,10}$", None),
        ("^((a{10}){10}|(b{20}){6}){10}$", "{10}"),
        ("^(a{0}){1000}(?:b{2,}){500}[{](2){1000}$", None),
        ("^(a{2,}){501}$", "{501}"),
        ("a(?=b)", "(?="),
    ],
)
def test_repetitions_count_as_go_counts_them(pattern, odd):
    assert too_much_for_an_automaton(pattern) == odd


def is_beyond_64_bits(value: Any) -> bool:
    """Whether a number in *value* has no place in an int of 64 bits, or in a double."""
    if isinstance(value, dict | list):
        return any(map(is_beyond_64_bits, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | float) and not -(2**63) <= value < 2**63


@pytest.mark.parametrize("name", FIELDS)
def test_what_the_schema_refuses_they_refuse(program, name):
    files = render(edges(), ["json_schema"])
    schema = jsonschema_rs.validator_for(json.loads(files["json_schema/seen.schema.json"]))
    instances: list[dict[str, Any]] = [{"type": "seen", name: value} for value in VALUES]
    is_int = FIELDS[name]["type"] not in {"float", "json"}
    expected = [schema.is_valid(one) and not (is_int and is_beyond_64_bits(one[name])) for one in instances]
    found = program.run(f"edges\tsent\t\t{json.dumps(instance)}" for instance in instances)
    wrong = [(a, b) for a, b, ok in zip(instances, found, expected, strict=True) if b.startswith("!") is ok]
    assert wrong == []
    assert name == "extra" or any(line.startswith(f"! {name}") for line in found)


NESTED = {
    "type": "nested",
    "super": "x",
    "validate": True,
    "big": 1,
    "boxes": [{"zip": 1, "items": ["0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"]}],
    "raw": None,
}


EDGES: list[tuple[str, str | None]] = [
    ('{"big": 9007199254740993}', None),
    ('{"big": 9223372036854775807}', None),
    ('{"big": -9223372036854775808}', None),
    ('{"big": 9223372036854775808}', "big"),
    ('{"big": 1.5}', "big"),
    ('{"super": "<&> \\u2028 \\u0001\\b\\u007f \\ud83d\\ude00 \\\\u2028"}', None),
    ('{"super": "\\ud800"}', ""),
    ('{"super": "\\ud800\\ud800\\udc00"}', ""),
    ('{"super": "\\udc00"}', ""),
    ('{"super": "a\\u0000"}', "super"),
    ('{"raw": {"k\\u0000": 1}}', "raw"),
    ('{"raw": {"a": ["\\\\u0000"]}}', None),
    ('{"match": "&/"}', None),
    ('{"match": "~/\\u00e9"}', None),
    ('{"match": "-/"}', "match"),
    ('{"match": null}', None),
    ('{"validate": null}', "validate"),
    ('{"Validate": true}', "Validate"),
    ('{"boxes": [{"zip": 1, "items": []}]}', "boxes[0].items"),
    ('{"boxes": [{"zip": -6, "items": ["0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"]}]}', "boxes[0].zip"),
    ('{"boxes": [{"zip": 1}]}', "boxes[0].items"),
    ('{"boxes": [null]}', "boxes[0]"),
]


def test_values_at_the_edge_are_exact_or_refused_with_their_place(program, tmp_path):
    lines = []
    for change, _ in EDGES:
        name = next(iter(json.loads(change)))
        rest = json.dumps({key: value for key, value in NESTED.items() if key != name})
        lines.append(f"{rest[:-1]}, {change[1:]}")
    found = program.run(f"edges\tsent\t\t{line}" for line in lines)
    refused = [None if said is None else f"! {said}" for _, said in EDGES]
    assert [line if line.startswith("!") else None for line in found] == refused
    taken = [(line, read) for line, read in zip(lines, found, strict=True) if not read.startswith("!")]
    assert through_python(edges(), [line for line, _ in taken], tmp_path) == [read for _, read in taken]


def test_rules_between_fields_hold_when_sent_and_not_for_rows(program):
    """Reading and writing check alike: what is read is written again, without what is null."""
    given = [(json.dumps(event), allowed) for event, allowed in instances()]
    found, made = (program.run(f"edges\t{form}\t\t{line}" for line, _ in given) for form in ("sent", "made"))
    there = [{key: value for key, value in json.loads(line).items() if value is not None} for line, _ in given]
    expected = [event if allowed else "! " for event, (_, allowed) in zip(there, given, strict=True)]
    assert [line if line.startswith("!") else json.loads(line) for line in found] == expected
    assert [line.startswith("!") for line in made] == [not allowed for _, allowed in given]
    assert not any(line.startswith("!") for line in program.run(f"edges\tstored\t1\t{line}" for line, _ in given))


def test_rust_imports_no_map_where_all_maps_are_dropped():
    fields = {"a": {"type": "map", "store": "drop", "values": {"type": "int"}}}
    event = {"domain": "web", "description": "x", "fields": fields}
    text = minimal(catalog={"format": 2, "name": "small", "owner": "me"}, events={"seen": event})
    made = load(Path("events.yaml"), lambda _path: text.encode())
    assert made.catalog
    files = render(made.catalog, ["rust"])
    assert "BTreeMap" in files["rust/events/mod.rs"]
    assert "BTreeMap" not in files["rust/events/stored.rs"]


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
def test_random_catalogs_compile(compiler, tmp_path):
    def check(many: list[dict[str, Any]], seed: int) -> None:
        made = {}
        for index, data in enumerate(many):
            data["catalog"]["outputs"] = ["python", "rust", "go"]
            text = json.dumps(data, ensure_ascii=False).encode()
            path = tmp_path / f"{index}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(text)
            loaded = load(path)
            if loaded.catalog is not None:  # names that meet have tests of their own
                made[f"case{index}"] = loaded.catalog
        shutil.rmtree(tmp_path, ignore_errors=True)
        program = COMPILERS[compiler](tmp_path, made)
        rng = random.Random(seed)
        for name, catalog in made.items():
            lines = [json.dumps(sample(catalog, event, rng)) for event in catalog.events for _ in range(3)]
            found = program.run(f"{name}\tsent\t\t{line}" for line in lines)
            assert [line for line, read in zip(lines, found, strict=True) if read.startswith("!")] == []

    settled = settings(deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    settled = settings(settled, max_examples=examples(2))
    settled(given(st.lists(catalogs(), min_size=8, max_size=8), st.integers())(check))()
