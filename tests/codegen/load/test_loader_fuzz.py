"""Whatever is in the file, loading it gives a catalog or findings: never a traceback, never a hang."""

import json
import random
from pathlib import Path

import pytest
import yaml
from adi_analytics_codegen.check.catalog import load
from adi_analytics_codegen.check.lint import lint
from adi_analytics_codegen.check.report import FORMATS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.codegen.catalogs import catalogs
from support.paths import EVENTS, FIXTURES

EVERYTHING = FIXTURES / "catalogs" / "good" / "everything.yaml"
MAIN = Path("/nowhere/events.yaml")
FUZZ = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(data):
    """Load *data* and print what comes out of it in every format."""
    loaded = load(MAIN, lambda path: data if path == MAIN else path.read_bytes())
    assert (loaded.catalog is None) == bool(loaded.findings)
    for form in FORMATS.values():
        form([*loaded.findings, *lint(loaded)]).encode("utf-8")
    return loaded


@given(st.binary(max_size=300))
@settings(FUZZ, max_examples=150)
def test_any_bytes(data):
    check(data)


@given(st.text(max_size=300))
@settings(FUZZ, max_examples=150)
def test_any_text(text):
    check(text.encode("utf-8", "surrogatepass"))


@given(
    st.lists(
        st.sampled_from([*"&*!|>%@`\"'{}[],:-?#\n \t<~", "&a", "*a", "!!int ", "---\n", "<<: ", "a: "]),
        max_size=60,
    )
)
@settings(FUZZ, max_examples=150)
def test_any_yaml_syntax(parts):
    check("".join(parts).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
@settings(FUZZ, max_examples=100)
def test_any_json(value):
    check(json.dumps(value).encode())


def places(value, path=()):
    """Yield the path of everything inside *value*."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


SOURCES = [yaml.safe_load(path.read_bytes()) for path in (EVENTS, EVERYTHING)]
ALL_PLACES = [list(places(source)) for source in SOURCES]


def mutated(source, path, value):
    """Return *source* with *value* at *path*."""
    if not path:
        return value
    copy = dict(source) if isinstance(source, dict) else list(source)
    copy[path[0]] = mutated(source[path[0]], path[1:], value)
    return copy


@given(st.sampled_from([0, 1]), st.data(), JSON)
@settings(FUZZ, max_examples=150)
def test_a_real_catalog_with_anything_in_one_place(which, data, value):
    path = data.draw(st.sampled_from(ALL_PLACES[which]))
    check(json.dumps(mutated(SOURCES[which], path, value), ensure_ascii=True, default=str).encode())


@given(catalogs(), st.randoms(use_true_random=False))
@settings(FUZZ, max_examples=100)
def test_a_random_catalog_with_two_values_exchanged(catalog, rng):
    text = json.loads(json.dumps(catalog))
    spots = [path for path in places(text) if path]
    one, other = rng.choice(spots), rng.choice(spots)
    found = text
    for key in other:
        found = found[key]
    check(json.dumps(mutated(text, one, found)).encode())


@pytest.mark.parametrize("seed", range(40))
def test_a_real_file_with_bytes_changed(seed):
    rng = random.Random(seed)
    data = bytearray(EVENTS.read_bytes())
    for _ in range(rng.randint(1, 20)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    check(bytes(data))


BOMBS = {
    "deep lists": b"[" * 100_000,
    "deep mappings": b"{a: " * 100_000,
    "deep blocks": b"".join(b" " * i + b"a:\n" for i in range(3000)),
    "a laughing billion": b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (c + 1, c + 1, b",".join([b"*%c" % c] * 10)) for c in range(97, 110)),
    "itself": b"a: &a [*a]",
    "itself, deeper": b"a: &a {b: [{c: *a}]}",
    "an alias as a key": b"a: &a x\n? *a\n: y",
    "a long number": b"catalog: {format: " + b"9" * 100_000 + b", name: x}",
    "a long name": b"catalog: {format: 1, name: " + b"x" * 100_000 + b"}",
    "a deep pattern": b"catalog: {format: 1, name: x}\ndomains: {d: D}\n"
    b"events: {e: {domain: d, description: x, fields: {f: {type: string, pattern: '"
    + b"(" * 600
    + b")" * 600
    + b"'}}}}",
    "a null character": b'catalog: {format: 1, name: "a\\0b"}\ninclude: ["a\\0b"]',
    "a lone surrogate": b'catalog: {format: 1, name: "\\ud800"}',
    "UTF-16": "catalog: {}".encode("utf-16"),
    "many documents": b"--- a\n" * 1000,
    "a directive": b"%YAML 9.9\n---\na: b",
    "tags": b"a: !!python/object/apply:os.system ['true']",
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.timeout(30)
def test_a_bomb_does_not_go_off(name):
    assert check(BOMBS[name]).findings


def test_an_alias_that_is_used_well_works():
    data = b"catalog: {format: 1, name: x}\ndomains: {d: D}\nevents:\n  a: &e {domain: d, description: x}\n  b: *e\n"
    assert [event.name for event in check(data).catalog.events] == ["a", "b"]


def test_a_list_of_nothing_that_counts_is_a_finding():
    retention = {"description": "x", "start": [None], "return": "any", "bucket": {"as": "day", "width": "1 day"}}
    document = {"catalog": {"format": 2, "name": "x"}, "retention": {"back": {**retention, "periods": 3}}}
    assert {finding.rule for finding in check(json.dumps(document).encode()).findings} >= {"wrong-type"}
