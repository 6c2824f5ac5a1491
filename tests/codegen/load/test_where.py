"""Whether rows can pass a `where`: what the loader says, against trying every value that there is."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

from adi_analytics_codegen.check.catalog import load
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.codegen.projects import minimal

MAIN = Path("/nowhere/events.yaml")
EVENTS = ("a", "b")
FIELDS = {
    "n": {"type": "int", "min": 0, "max": 2, "description": "x"},
    "flag": {"type": "bool", "description": "x"},
    "kind": {"type": "enum", "enum": "kind", "description": "x"},
}
VALUES: dict[str, tuple[Any, ...]] = {
    "event": EVENTS,
    "n": (None, 0, 1, 2),
    "flag": (None, True, False),
    "kind": (None, "ax", "ay", "b"),
}
ROWS = [dict(zip(VALUES, row, strict=True)) for row in product(*VALUES.values())]
TESTS = {
    "eq": lambda value, wanted: value == wanted,
    "ne": lambda value, wanted: value != wanted,
    "in": lambda value, wanted: value in wanted,
    "lt": lambda value, wanted: value < wanted,
    "gte": lambda value, wanted: value >= wanted,
    "prefix": lambda value, wanted: value.startswith(wanted),
}
KINDS = st.sampled_from(("ax", "ay", "b"))
ENTRIES = {
    "event": st.sampled_from(({"eq": "a"}, {"ne": "a"}, {"in": ["a", "b"]})),
    "n": st.one_of(
        st.builds(lambda op, n: {op: n}, st.sampled_from(("eq", "ne", "lt", "gte")), st.integers(0, 2)),
        st.builds(lambda low, high: {"gte": low, "lt": high}, st.integers(0, 2), st.integers(0, 3)),
        st.builds(lambda held: {"exists": held}, st.booleans()),
    ),
    "flag": st.one_of(
        st.builds(lambda op, flag: {op: flag}, st.sampled_from(("eq", "ne")), st.booleans()),
        st.builds(lambda held: {"exists": held}, st.booleans()),
    ),
    "kind": st.one_of(
        st.builds(lambda op, kind: {op: kind}, st.sampled_from(("eq", "ne")), KINDS),
        st.builds(lambda kinds: {"in": kinds}, st.lists(KINDS, min_size=1, max_size=2)),
        st.sampled_from(({"prefix": "a"}, {"prefix": "b"}, {"prefix": "ay"})),
    ),
}
PLAIN = st.fixed_dictionaries({}, optional=ENTRIES).filter(bool)
WHERES = st.recursive(
    PLAIN,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            **ENTRIES,
            "$any": st.lists(inner, min_size=1, max_size=2),
            "$all": st.lists(inner, min_size=1, max_size=2),
            "$not": inner,
        },
    ).filter(bool),
    max_leaves=5,
)


def holds(row, name, test):
    match name:
        case "$any":
            return any(passes(row, group) for group in test)
        case "$all":
            return all(passes(row, group) for group in test)
        case "$not":
            return not passes(row, test)
    value = row[name]
    return all(
        (value is not None) == wanted if op == "exists" else value is not None and TESTS[op](value, wanted)
        for op, wanted in test.items()
    )


def passes(row, where):
    return all(holds(row, name, test) for name, test in where.items())


def entries(where):
    return [
        entry
        for name, test in where.items()
        for entry in ([inner for group in test for inner in entries(group)] if name == "$all" else [(name, test)])
    ]


def is_useless(where, rows):
    """Whether none of *rows* passes *where*, or one of the groups in it beside the other tests."""
    stated = entries(where)
    for index, (name, test) in enumerate(stated):
        others = [entry for at, entry in enumerate(stated) if at != index]
        reached = [row for row in rows if all(holds(row, *other) for other in others)]
        groups = {"$any": test, "$not": [test]}.get(name, ())
        if any(is_useless(group, reached) for group in groups):
            return True
    return not any(passes(row, where) for row in rows)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(where=WHERES, given_too=st.one_of(st.none(), PLAIN))
def test_a_where_is_refused_exactly_when_no_row_passes_it_or_a_part_of_it(where, given_too):
    event = {"domain": "web", "description": "x", "fields": FIELDS}
    measures = {"m": {"count": True, "where": where}}
    aggregate = {
        "description": "x",
        "from": list(EVENTS),
        "bucket": {"as": "day", "width": "1 day"},
        "measures": measures,
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }
    if given_too is not None:
        aggregate["where"] = given_too
    enums = {"kind": {"values": {"ax": "x", "ay": "x", "b": "x"}}}
    found = findings(
        minimal(
            catalog={"format": 2, "name": "x", "owner": "me"},
            events=dict.fromkeys(EVENTS, event),
            aggregates={"daily": aggregate},
            enums=enums,
        )
    )
    rows = ROWS if given_too is None else [row for row in ROWS if passes(row, given_too)]
    useless = (given_too is not None and is_useless(given_too, ROWS)) or is_useless(where, rows)
    if not useless:  # naming an event that is out already is a mistake of its own
        found = [finding for finding in found if finding.rule != "unknown-event"]
    assert bool(found) == useless, (where, given_too, [str(one) for one in found])


def findings(catalog):
    return load(MAIN, lambda _: catalog.encode()).findings
