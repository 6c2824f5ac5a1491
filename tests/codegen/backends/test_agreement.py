"""What the generated decoder, jsonschema and jsonschema-rs accept: the same."""

import json
import re

import jsonschema
import jsonschema_rs
import pytest
from adi_analytics_codegen.model.text.patterns import UnportableError, in_python, portable
from support.codegen.projects import minimal, run_python
from support.codegen.typescript import run_node
from support.codegen.values import ENUMS, FIELDS, VALUES

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
    fields = {name: {**field, "optional": True} for name, field in FIELDS.items()}
    head = {"format": 2, "name": "small", "owner": "me"}
    made.write(
        minimal(catalog=head, enums=ENUMS, events={"seen": {"domain": "web", "description": "x", "fields": fields}})
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
