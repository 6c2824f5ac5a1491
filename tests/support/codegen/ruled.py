"""Events with rules between their fields, and what each rule allows."""

import itertools
from collections.abc import Iterator
from typing import Any, Final

_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "email": {"type": "string", "wire": "e-mail"},
    "phone": {"type": "object", "fields": {"number": {"type": "int"}}},
    "note": {"type": "json"},
    "tags": {"type": "list", "items": {"type": "int"}},
}
VALUES: Final[dict[str, Any]] = {"e-mail": "", "phone": {"number": 0}, "note": False, "tags": []}
RULES: Final[dict[str, list[dict[str, Any]]]] = {
    "one": [{"exactly_one_of": ["email", "phone", "note"]}],
    "least": [{"at_least_one_of": ["email", "tags"]}],
    "needs": [{"requires": {"email": ["phone", "tags"], "note": ["tags"]}}],
    "all": [
        {"at_least_one_of": ["note", "tags"]},
        {"exactly_one_of": ["email", "phone"]},
        {"requires": {"tags": ["email"]}},
    ],
}
KEPT: Final[dict[str, Any]] = {
    "one": lambda e, p, n, t: e + p + n == 1,
    "least": lambda e, p, n, t: e or t,
    "needs": lambda e, p, n, t: (not e or (p and t)) and (not n or t),
    "all": lambda e, p, n, t: (n or t) and e + p == 1 and (not t or e),
}


def ruled() -> dict[str, dict[str, Any]]:
    """Return an event for each entry of `RULES`."""
    fields = {name: {**field, "optional": True} for name, field in _FIELDS.items()}
    return {
        name: {"domain": "web", "description": "x", "fields": fields, "rules": rules} for name, rules in RULES.items()
    }


def instances() -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield every event with each field absent, null or there, and whether the rules allow it."""
    for name, states in itertools.product(RULES, itertools.product(("absent", "null", "there"), repeat=len(VALUES))):
        given = zip(VALUES.items(), states, strict=True)
        fields = {key: value if state == "there" else None for (key, value), state in given if state != "absent"}
        yield {"type": name, **fields}, bool(KEPT[name](*(state == "there" for state in states)))
