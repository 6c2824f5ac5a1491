"""Random catalogs that are valid by construction, as the data of a YAML file."""

import keyword
from typing import Any

from hypothesis import strategies as st

RESERVED = {"type", "bool", "datetime", "float", "int", "self", "str", "tuple", "events"}
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"),
    min_size=1,
    max_size=60,
)
AWKWARD = st.sampled_from(
    ['say "hi"', '"""', "\\", 'ends with "', '"starts', "a */ b", "`x` | y", "line\n\nbreak", "it's", "{{ x }}"]
)
DESCRIPTIONS = st.one_of(TEXTS.filter(str.strip), AWKWARD)
NAMES = (
    st.from_regex(r"[a-z][a-z0-9]{0,6}(_[a-z0-9]{1,6}){0,2}", fullmatch=True)
    .flatmap(lambda n: st.sampled_from([n, n, n, (n + "_long" * 12)[:50]]))
    .filter(lambda name: not keyword.iskeyword(name) and name not in RESERVED)
)
SCALARS = ("uuid", "string", "int", "float", "bool", "datetime", "date", "decimal")
PATTERNS = [
    "^[a-z]+$",
    "^[A-Z]{2}[0-9]{4}$",
    "^(red|green|blue)$",
    "^\\d{3}-\\w+$",
    '^"quoted"$',
    "^" + "x?" * 45 + "$",
]


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


WIRES = st.sampled_from(
    ["{} Completed", "${}", "the-{}", "{}.of.it", "{}Name", "~{}~1", "{} 'it's' */", "É`{}`", "{}.{{x}} 日本"]
)


NOTES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "tags": st.lists(NAMES, max_size=2),
            "links": st.just({"wiki": "https://wiki.example/?a=b&c"}),
            "data_category": NAMES,
            "expires": st.just("9999-12-31"),
            "x-note": st.one_of(DESCRIPTIONS, st.integers(0, 9), st.just([None, {"a": True}])),
        },
    ),
)


def name_on_wire(draw: Any, members: dict[str, Any]) -> None:
    """Give some of *members*, which are events, or fields and what is inside them, names of their own in JSON."""
    for name, one in members.items():
        if draw(st.integers(0, 3)) == 0:
            one["wire"] = draw(WIRES).format(name[:20] if len(name) < 20 else name[:18] + str(len(name)))
        inner = one
        while inside := inner.get("items", inner.get("values")):
            inner = inside
        name_on_wire(draw, inner.get("fields", {}))
    keys = [one.get("wire", name) for name, one in members.items()]
    for name, one in members.items():
        if keys.count(one.get("wire", name)) > 1:
            one.pop("wire", None)


@st.composite
def fields(draw: Any, enums: list[str], depth: int = 0, name: str = "") -> dict[str, Any]:
    kinds = [*SCALARS, "json", *(["enum"] if enums else []), *(["list", "object", "map"] if depth < 2 else [])]
    kind = draw(st.sampled_from(kinds))
    made: dict[str, Any] = {"type": kind, "description": draw(some(DESCRIPTIONS))}
    made |= draw(BOUNDS.get(kind, st.just({})))
    if kind == "enum":
        made["enum"] = draw(st.sampled_from(enums))
    if kind == "list":
        made["items"] = draw(fields(enums, depth + 1))
        made["items"] = draw(_inside(made["items"]))
    if kind == "map":
        made["values"] = draw(_inside(draw(fields(enums, depth + 1))))
    is_bound = len(made) > 2 and kind != "decimal"
    made |= draw(st.just({}) if is_bound else FIXED.get(kind, st.just({})))
    if kind == "object":
        made["fields"] = draw(st.dictionaries(NAMES, fields(enums, depth + 1), min_size=1, max_size=3))
        made |= draw(st.sampled_from([{}, {}, {"open": True}]))
        made["fields"] = {f"{name}_" if name == "extra" else name: one for name, one in made["fields"].items()}
    if name or depth == 0:
        made["optional"] = None if "default" in made else draw(some(st.booleans()))
        made["sensitivity"] = draw(some(st.sampled_from(["none", "pseudonymous", "personal", "secret"])))
        made["store"] = draw(some(st.sampled_from(["keep", "drop", *(["hash"] if kind == "string" else [])])))
        made["deprecated"] = draw(some(st.fixed_dictionaries({"reason": DESCRIPTIONS})))
        made |= draw(NOTES)
    return {key: value for key, value in made.items() if value is not None}


@st.composite
def _inside(draw: Any, field: dict[str, Any]) -> dict[str, Any]:
    """Return *field* as what is in a list or a map."""
    kept = {
        k: v
        for k, v in field.items()
        if k not in {"optional", "sensitivity", "store", "deprecated", "const", "default"}
    }
    return {**kept, **draw(st.sampled_from([{}, {"nullable": True}, {"nullable": False}]))}


def _bounds(low: str, high: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    pairs = st.tuples(values, values).map(sorted)
    return pairs.flatmap(
        lambda pair: st.sampled_from([{}, {low: pair[0]}, {high: pair[1]}, {low: pair[0], high: pair[1]}])
    )


BOUNDS = {
    "int": _bounds("min", "max", st.integers(-(2**53), 2**53)),
    "float": _bounds("min", "max", st.floats(-1e9, 1e9, allow_subnormal=False).map(lambda x: round(x, 3))),
    "string": st.one_of(
        _bounds("min_length", "max_length", st.integers(0, 50)),
        st.sampled_from(PATTERNS).map(lambda pattern: {"pattern": pattern}),
        st.sampled_from(["uri", "email", "ip", "hostname"]).map(lambda name: {"format": name}),
    ),
    "decimal": st.tuples(st.integers(1, 38), st.integers(0, 38), st.sampled_from([{}, {"min": 0}])).map(
        lambda drawn: {"precision": max(drawn[:2]), "scale": drawn[1], **drawn[2]}
    ),
    "list": _bounds("min_items", "max_items", st.integers(0, 3)),
    "map": _bounds("min_items", "max_items", st.integers(0, 3)),
}
FIXED: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "string": st.one_of(
        st.just({}), DESCRIPTIONS.map(lambda text: {"const": text}), DESCRIPTIONS.map(lambda text: {"default": text})
    ),
    "int": st.sampled_from([{}, {}, {"const": -7}, {"default": 2**53 + 1}]),
    "float": st.sampled_from([{}, {"default": -1e-9}, {"default": 3}]),
    "bool": st.sampled_from([{}, {"const": True}, {"const": False}, {"default": True}, {"default": False}]),
    "decimal": st.sampled_from([{}, {"default": "0"}]),
}
NUMBERS = st.one_of(st.integers(-3, 9), st.sampled_from([-(2**63), 2**63 - 1])).map(str)
INT_ENUMS = st.fixed_dictionaries(
    {
        "type": st.just("int"),
        "values": st.dictionaries(
            NUMBERS, st.one_of(DESCRIPTIONS, st.just({"deprecated": {"reason": "x"}})), min_size=1, max_size=4
        ),
    },
    optional={"open": st.booleans(), "description": DESCRIPTIONS},
)
ENUMS = st.fixed_dictionaries(
    {
        "values": st.dictionaries(
            NAMES.map(str.upper),
            st.one_of(DESCRIPTIONS, st.just({"deprecated": {"reason": "x"}})),
            min_size=1,
            max_size=4,
        )
    },
    optional={"open": st.booleans(), "description": DESCRIPTIONS},
)


@st.composite
def events(draw: Any, domains: list[str], enums: list[str]) -> dict[str, Any]:
    status = draw(st.sampled_from(["stable", "stable", "draft", "deprecated", "retired"]))
    made = {
        "domain": draw(st.sampled_from(domains)),
        "description": draw(DESCRIPTIONS),
        "status": status,
        "version": draw(st.integers(1, 9)),
        "fields": draw(st.dictionaries(NAMES, fields(enums), max_size=5)),
    }
    if status in {"deprecated", "retired"}:
        made["deprecated"] = {"reason": draw(DESCRIPTIONS)}
    made |= draw(NOTES)
    return made


MEASURES = ("sum", "avg", "percentile")


@st.composite
def aggregates(draw: Any, all_events: dict[str, Any]) -> dict[str, Any]:
    source = draw(st.sampled_from(sorted(all_events)))
    stored = {n: f for n, f in all_events[source]["fields"].items() if not _is_dropped(f)}
    numbers = [name for name, field in stored.items() if field["type"] in {"int", "float", "decimal"}]
    scalars = [name for name, field in stored.items() if field["type"] in {*SCALARS, "enum"}]
    measures: dict[str, Any] = {"rows": {"count": True}, "users": {"distinct": "$user_id", "where": {"event": source}}}
    for name in numbers:
        measures[f"total__{name}"] = {draw(st.sampled_from(["sum", "avg", "min", "max"])): name}
        measures[f"median__{name}"] = {"percentile": 0.5, "of": name, "where": {name: {"gte": _least(stored[name])}}}
    for name in scalars:
        measures[f"some__{name}"] = {draw(st.sampled_from(["distinct", "first", "last", "min", "max"])): name}
    dimensions = draw(st.lists(st.sampled_from(scalars), unique=True, max_size=2)) if scalars else []
    return {
        "description": draw(DESCRIPTIONS),
        "from": [source],
        "bucket": {"as": "bucket__start", "width": draw(st.sampled_from(["1 hour", "1 day", "15 minutes", "1 week"]))},
        "dimensions": {f"by__{name}": name for name in dimensions},
        "measures": measures,
        "derived": {"share__rows": {"ratio": ["rows", ["rows"]]}},
        "refresh": {"every": "1 hour", "window": "4 weeks", "lag": "1 hour"},
    }


def _least(field: dict[str, Any]) -> Any:
    """Return a number that a value of *field* can be equal to."""
    return field.get("const", field.get("min", field.get("max", 0)))


def _is_dropped(field: dict[str, Any]) -> bool:
    stored: str = field.get("store", "drop" if field.get("sensitivity") == "secret" else "keep")
    return stored == "drop"


THING = {"type": "object", "of": "thing__one", "optional": True}
OVERRIDES = st.fixed_dictionaries({}, optional={"optional": st.booleans(), "description": DESCRIPTIONS}).filter(bool)


@st.composite
def _with_group(draw: Any, event: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    """Return *event*, which may include *group*, as its objects may; each with an override or none."""
    for name in draw(st.lists(st.sampled_from(["thing__one", "thing__two"]), max_size=2, unique=True)):
        thing = {"type": "object", "of": name, **draw(st.sampled_from([{}, {"optional": True}]))}
        event["fields"][f"one__{name}"] = thing
        event["fields"][f"many__{name}"] = {"type": "list", "items": {"type": "object", "of": name}}
    places = [event, *(field for field in event["fields"].values() if "fields" in field)]
    for place in places:
        if draw(st.booleans()):
            place["include"] = ["shared"]
            changes = draw(st.dictionaries(st.sampled_from(sorted(group)), OVERRIDES, max_size=2))
            if changes:
                place["override"] = changes
    return event


@st.composite
def catalogs(draw: Any) -> dict[str, Any]:
    domains = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    enums = {
        f"kind_of_{name}": one
        for name, one in draw(st.dictionaries(NAMES, st.one_of(ENUMS, INT_ENUMS), max_size=2)).items()
    }
    made = draw(
        st.dictionaries(NAMES.map(lambda name: f"ev_{name}"), events(domains, list(enums)), min_size=1, max_size=4)
    )
    name_on_wire(draw, made)
    group = draw(
        st.dictionaries(NAMES.map(lambda name: f"shared__{name}"), fields(list(enums), 1), min_size=1, max_size=2)
    )
    for field in group.values():
        field.pop("default", None)  # an override may make it optional
    made = {name: draw(_with_group(event, group)) for name, event in made.items()}
    return {
        "groups": {"shared": {"fields": group}},
        "types": {"thing__one": {"fields": group}, "thing__two": {"include": ["shared"], "fields": {"one": THING}}},
        "catalog": {"format": 2, "name": "random", "owner": draw(DESCRIPTIONS)},
        "domains": {name: draw(DESCRIPTIONS) for name in domains},
        "enums": enums,
        "events": made,
        "aggregates": {f"agg_{i}": draw(aggregates(made)) for i in range(draw(st.integers(0, 2)))},
    }
