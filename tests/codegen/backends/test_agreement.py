"""What the generated decoder, jsonschema and jsonschema-rs accept: the same."""

import json
import re
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from adi_analytics_codegen.model.patterns import UnportableError, in_python, portable
from support.codegen.projects import minimal, run_python
from support.codegen.typescript import run_node

FIELDS: dict[str, dict[str, Any]] = {
    "number": {"type": "int", "min": 0, "max": 2**63 - 1},
    "any_int": {"type": "int"},
    "price": {"type": "float", "min": 0.5},
    "code": {"type": "string", "pattern": "^[A-Z]{2}-\\d+$", "max_length": 8},
    "words": {"type": "string", "pattern": "^\\w+[^\\s.]$"},
    "line": {"type": "string", "pattern": "^.$"},
    "id": {"type": "uuid"},
    "at": {"type": "datetime"},
    "day": {"type": "date"},
    "money": {"type": "decimal", "precision": 6, "scale": 2},
    "positive": {"type": "decimal", "precision": 4, "scale": 4, "min": 0},
    "whole": {"type": "decimal", "precision": 38, "scale": 0},
    "sums": {"type": "list", "items": {"type": "decimal", "precision": 3, "scale": 1}},
    "gaps": {"type": "list", "items": {"type": "int", "min": 0, "nullable": True}},
    "counts": {"type": "map", "values": {"type": "int", "min": 0, "nullable": True}, "min_items": 1, "max_items": 2},
    "prices": {"type": "map", "values": {"type": "decimal", "precision": 4, "scale": 2}},
    "url": {"type": "string", "format": "uri"},
    "mail": {"type": "string", "format": "email", "max_length": 40},
    "ip": {"type": "string", "format": "ip"},
    "host": {"type": "string", "format": "hostname"},
    "color": {"type": "enum", "enum": "color"},
    "grid": {"type": "list", "items": {"type": "list", "items": {"type": "int"}, "max_items": 2}},
    "place": {"type": "object", "fields": {"city": {"type": "string", "optional": True}, "zip": {"type": "int"}}},
    "extra": {"type": "json"},
}
NUMBERS = [0, -0.0, 1, -1, 1.0, 12.5, 1e3, 1e30, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, True, "1", "1.0"]
STRINGS = [
    "", "AB-12", "AB-\u0661\u0662", "AB-123456", "ab", "\u00e9b", "a\u0085", "a\u00a0", "a\ufeff", "a ",
    "a.", "\u2028", "\r", "red", "Red", "\U0001f600", "e\u0301",
]  # fmt: skip
UUIDS = [
    "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", "0190A0B4-5C8E-7D10-8F3E-2B6F5D1C9A01",
    "0190a0b4-5c8e7d10-8f3e-2b6f5d1c9a01", "{0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01}",
]  # fmt: skip
DAYS = ["2026-02-28", "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-04-31", "2026-12-31", "0000-01-01",
        "0001-01-01", "0400-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-1"]  # fmt: skip
CLOCKS = [
    "00:00:00Z", "23:59:59.123456789z", "24:00:00Z", "23:59:60Z", "00:00Z", "00:00:00", "00:00:00-23:59",
    "00:00:00+24:00", "00:00:00+01", "00:00:00.Z",
]  # fmt: skip
TIMES = [*(f"{day}T{clock}" for day in DAYS for clock in CLOCKS), "2026-02-28t00:00:00Z", "2026-02-28"]
DECIMALS = ["0", "-0", "0.0", "12.5", "-1234.56", "12345", "1.234", "01", ".5", "5.", "+1", "1e3", "NaN", "Infinity",
            " 1 ", "1_0", "0.1234", "9" * 38, "9" * 39, ""]  # fmt: skip
FORMATTED = [
    "https://x.example/a?b=%20#c", "urn:a:b", "HTTP:x", "http://[::1]/", "http:", "//x.example", "a b:c", "a:b c",
    "a:%2", "a:#b#c", "a:\u00e9", "ada@example.org", "a@b", "@b", "a@", "a@b.", "a@-b", "a b@c",
    "a@" + "b" * 63 + ".c", "a@" + "b" * 64,
    "1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1::2::3",
    "::ffff:1.2.3.4", "fe80::1%eth0", "1:2:3:4:5:6:1.2.3.4", "12345::", "example.org", "a-b.c", "-a", "a.",
    "a..b", "a_b",
    ".".join(["a" * 62] * 4), ".".join(["a" * 63] * 4),
]  # fmt: skip
OTHERS: list[Any] = [
    ["1.5", "-0.5"],
    [1, None, 2.0],
    [None, -1],
    {"a": 1, "b b": None},
    {"a": 1.0},
    {"a": -1},
    {"a": 1, "b": 2, "c": 3},
    {"a": "1.50", "": "-2"},
    {"a": "1.555"},
    {"a": {"b": 1}},
    ["1.55"],
    [1.5],
    None,
    [],
    [[]],
    [[1.0], [2]],
    [[1, 2, 3]],
    [["1"]],
    {},
    {"zip": 1.0},
    {"zip": 1, "city": None},
    {"city": "x"},
]
VALUES = [*NUMBERS, *STRINGS, *UUIDS, *TIMES, *DAYS, *DECIMALS, *FORMATTED, *OTHERS]
ACCEPTS = """
import json, sys
import small_events as events
for line in sys.stdin:
    try:
        event = events.from_json(line)
        assert events.from_json(events.to_json(event)) == event
        print(1)
    except events.EventDecodeError:
        print(0)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with one event that has all of the fields."""
    from support.codegen.projects import Project

    made = Project(tmp_path_factory.mktemp("project"))
    enums = {"color": {"values": {"red": "Red"}}}
    fields = {name: {**field, "optional": True} for name, field in FIELDS.items()}
    head = {"format": 2, "name": "small", "owner": "me"}
    made.write(
        minimal(catalog=head, enums=enums, events={"seen": {"domain": "web", "description": "x", "fields": fields}})
    )
    assert made.run("generate") == 0
    return made


def answers(project, lines, program):
    """Run *program* with the generated package; it reads *lines* and prints one for each."""
    code = f"import io, sys; sys.stdin = io.StringIO({chr(10).join(lines)!r}){program}"
    return run_python(code, project.out / "python").splitlines()


@pytest.fixture(scope="module")
def accepted(project):
    """A function that says which of some events the generated decoder accepts, and the generated schema."""

    def decide(instances):
        return [word == "1" for word in answers(project, map(json.dumps, instances), ACCEPTS)]

    return decide, json.loads((project.out / "json_schema" / "seen.schema.json").read_text(encoding="utf-8"))


def verdicts(accepted, instances):
    decide, schema = accepted
    jsonschema_py, rust = jsonschema.Draft202012Validator(schema), jsonschema_rs.validator_for(schema)
    decided = decide(instances)
    assert len(decided) == len(instances)
    for instance, decoder in zip(instances, decided, strict=True):
        yield instance, (decoder, jsonschema_py.is_valid(instance), rust.is_valid(instance))


def test_the_type_is_needed_even_where_there_is_one_event(accepted):
    instances = [{}, {"number": 1}, {"type": None}, {"type": "else"}, {"type": "seen"}]
    found = [verdict for _, verdict in verdicts(accepted, instances)]
    assert found == [(False,) * 3] * 4 + [(True,) * 3]


@pytest.mark.parametrize("name", FIELDS)
def test_decoder_and_schemas_accept_the_same(accepted, name):
    found = list(verdicts(accepted, [{"type": "seen", name: value} for value in VALUES]))
    assert {verdict[0] for _, verdict in found} == ({True} if name == "extra" else {True, False})
    assert [(instance, verdict) for instance, verdict in found if len(set(verdict)) > 1] == []


AJV = """
const [schema, instances] = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
const Ajv2020 = require("ajv/dist/2020").default;
const validate = new Ajv2020({ strictSchema: false, validateFormats: false, allowUnionTypes: true }).compile(schema);
console.log(JSON.stringify(instances.map((instance) => validate(instance))));
"""


def _is_huge(value):
    """Return whether JSON.parse rounds *value*, which the reference tells."""
    return isinstance(value, int) and abs(value) > 2**53


def test_ajv_accepts_the_same(accepted, tmp_path):
    schema = accepted[1]
    instances = [{"type": "seen", name: value} for name in FIELDS for value in VALUES if not _is_huge(value)]
    file = tmp_path / "given.json"
    file.write_text(json.dumps([schema, instances]))
    found = json.loads(run_node(AJV, file))
    rust = jsonschema_rs.validator_for(schema)
    wrong = [one for one, verdict in zip(instances, found, strict=True) if verdict != rust.is_valid(one)]
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("id", "0190a0b45c8e7d108f3e2b6f5d1c9a01", (True, False, False)),
        ("at", "2026-02-28 00:00:00Z", (True, False, False)),
        ("at", "2026-02-28T00:00:00+0100", (True, False, False)),
        ("code", "AB-1\n", (False, True, False)),
        ("price", 10**400, (False, True, True)),
        ("at", "9999-12-31T23:59:59.9999999Z", (False, True, True)),
    ],
)
def test_the_differences_are_those_in_the_reference(accepted, name, value, verdict):
    assert next(verdicts(accepted, [{"type": "seen", name: value}]))[1] == verdict


@pytest.mark.parametrize(
    ("pattern", "spelled", "python"),
    [
        ("^a+$", "^a+$", "^a+\\Z"),
        ("^\\d{2,}\\W?$", "^[0-9]{2,}[^A-Za-z0-9_]?$", "^[0-9]{2,}[^A-Za-z0-9_]?\\Z"),
        ("[\\w.$-]|(?:x|\\$)", "[A-Za-z0-9_.$-]|(?:x|\\$)", "[A-Za-z0-9_.$-]|(?:x|\\$)"),
        ("^[*+]\\++.(?=b)$", "^[*+]\\++[^\\n\\r](?=b)$", "^[*+]\\++[^\\n\\r](?=b)\\Z"),
    ],
)
def test_a_pattern_is_spelled_out(pattern, spelled, python):
    assert (portable(pattern), in_python(pattern)) == (spelled, python)
    assert portable(spelled) == spelled
    re.compile(python)


@pytest.mark.parametrize(
    ("pattern", "odd"),
    [
        ("(?P<n>a)", "(?"), ("a*+", "*+"), ("\\Aa", "\\A"), ("a\\b", "\\b"), ("(a)\\1", "\\1"), ("a\\@b", "\\@"),
        ("[]a]", "[]"), ("a{,3}", "{,"), ("{x}", "{x"), ("x]", "]"), ("[\\D]", "\\D"),
        ("\\U0001F600", "\\U"), ("\\ud800", "\\u"),
        ("\\07", "\\0"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_mean_the_same_is_refused(pattern, odd):
    with pytest.raises(UnportableError) as caught:
        portable(pattern)
    assert caught.value.args == (odd,)


DECODED = """
import json, sys
import small_events as events
for line in sys.stdin:
    print(json.dumps(json.loads(events.to_json(events.from_json(line)))))
"""
TEXTS = """
import json, sys
import small_events as events
for line in sys.stdin:
    try:
        events.from_json(line)
        print("taken")
    except events.EventDecodeError as error:
        print(error.event, error.field)
"""


def test_a_whole_number_changes_no_other_field(project):
    """12.0 is an int where the class has one, and stays what it is elsewhere, in the same event."""
    extra = {"a": [1.0, -0.0, 1e300, 2.5, {"b": 3.0}], "any_int": 4.0}
    given = {
        "type": "seen",
        "number": 12.0,
        "grid": [[1.0, 2], []],
        "place": {"zip": 3.0},
        "price": 7.0,
        "extra": extra,
    }
    (decoded,) = answers(project, [json.dumps(given)], DECODED)
    found = json.loads(decoded)
    assert found == given
    assert json.dumps(found["extra"]) == json.dumps(extra)
    assert [type(found["number"]), type(found["grid"][0][0]), type(found["place"]["zip"])] == [int] * 3


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"extra": "\0"}, "seen extra"),
        ({"extra": {"deep": ["a\0"]}}, "seen extra"),
        ({"extra": {"k\0": 1, "big": 10**30}}, "seen extra"),
        ({"place": {"city": "\0", "zip": 1}, "number": 1.0}, "seen place"),
        ({"extra": "\\\\u0000"}, "taken"),
        ({"extra": "\\\0"}, "seen extra"),
    ],
)
def test_u0000_is_refused_with_its_field(project, fields, said):
    assert answers(project, [json.dumps({"type": "seen", **fields})], TEXTS) == [said]
