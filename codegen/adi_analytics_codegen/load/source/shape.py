"""Checks nodes against a JSON Schema, with a finding at the exact place of everything that is wrong.

It knows the part of draft 2020-12 that the schema of the catalog and the generated event schemas use, and nothing else;
the tests compare it with a full implementation. It exists because a full one takes longer to import than the whole
check takes, and knows nothing of lines and columns.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from adi_analytics_codegen.model.catalog import FORMATS
from adi_analytics_codegen.model.text.naming import did_you_mean
from adi_analytics_codegen.model.text.patterns import in_python

if TYPE_CHECKING:
    from collections.abc import Callable

    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.fields import Location
    from adi_analytics_codegen.model.findings import Findings

_CATALOG_SCHEMA: Final = Path(__file__).parents[2] / "schemas" / "catalog.schema.json"
_WORDS: Final = {
    "object": "a mapping",
    "array": "a list",
    "string": "a string",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_FORMATS: Final = {"uuid": "this is a uuid", "date-time": "this is a time such as 2026-01-31T12:00:00Z"}
_WHOLE: Final = ("integer", ["integer", "null"])
_INT64: Final = 2**63
_UPGRADE: Final = "run `analytics-codegen upgrade`, which sets it and keeps everything else"


@cache
def catalog_schema() -> dict[str, Any]:
    """Return the published JSON Schema of catalogs."""
    return cast("dict[str, Any]", json.loads(_CATALOG_SCHEMA.read_bytes()))


@dataclass(slots=True)
class Shape:
    """Checks nodes against one schema document.

    Attributes:
        root: The document, in which references are resolved.
        rule: The rule id of every finding, or ``None`` for one per kind of mistake.
        subject: What the findings are about.
        format: The format that a catalog says it has. What is newer in its schema (``x-since``) is refused.
    """

    root: dict[str, Any]
    findings: Findings
    rule: str | None = None
    subject: str = ""
    format: int = FORMATS[-1]
    resolved: dict[str, dict[str, Any]] = field(default_factory=dict)

    def check(self, node: Node, schema: dict[str, Any] | None = None) -> Node | None:
        """Return what is usable of *node*: without what is wrong, or ``None`` when nothing is left."""
        given = self.root if schema is None else schema
        schema = self._deref(given)
        if "anyOf" in schema:
            return self._any_of(node, given, schema["anyOf"])
        kind = type_of(node)
        if schema.get("type") in _WHOLE and isinstance(node.value, float) and node.value.is_integer():
            node, kind = replace(node, value=int(node.value)), "integer"  # to JSON Schema, 12.0 is a whole number
        if "type" in schema and not _admits(schema["type"], kind):
            message = f"expected {_expected(schema)}, not {_found(node, kind)}"
            self._report(node.at, "wrong-type", message, self._meaning_of(given))
            return None
        choices = [schema["const"]] if "const" in schema else schema.get("enum")
        if choices and not any(node.value == one and type(node.value) is type(one) for one in choices):
            near = isinstance(node.value, str) and isinstance(choices[0], str)
            fix = did_you_mean(node.text, choices) if near else f"use {_shown(choices[0])}"
            self._report(node.at, "wrong-value", f"{_found(node, kind)} is not allowed here", fix)
            return None
        newer = schema.get("x-since-values", {})
        if newer and not self._known_yet(node.at, _shown(node.value), newer.get(str(node.value))):
            return None
        return _CHECKS.get(kind, Shape._scalar)(self, node, schema)

    def _known_yet(self, at: Location, what: str, since: int | None) -> bool:
        """Return whether the catalog's format has *what*, which came with the format *since*, or report it."""
        if since is None or since <= self.format:
            return True
        self._report(at, "needs-format", f"{what} needs format {since}, and the catalog says {self.format}", _UPGRADE)
        return False

    def _deref(self, schema: dict[str, Any]) -> dict[str, Any]:
        reference = schema.get("$ref")
        if reference is None:
            return schema
        if reference not in self.resolved:
            self.resolved[reference] = self.root["$defs"][reference.removeprefix("#/$defs/")]
        return self._deref(self.resolved[reference])

    def _any_of(self, node: Node, given: dict[str, Any], branches: list[dict[str, Any]]) -> Node | None:
        """Check the one branch that admits the type of *node*: no two branches of our schemas admit the same."""
        kind = type_of(node)
        allowed = [self._deref(branch) for branch in branches]
        for branch in allowed:
            if "type" not in branch or _admits(branch["type"], kind):
                known = self._known_yet(node.at, _WORDS[kind], branch.get("x-since"))
                return self.check(node, branch) if known else None
        expected = " or ".join(dict.fromkeys(_expected(branch) for branch in allowed))
        self._report(node.at, "wrong-type", f"expected {expected}, not {_found(node, kind)}", self._meaning_of(given))
        return None

    def _mapping(self, node: Node, schema: dict[str, Any]) -> Node | None:
        kept: dict[str, Node] = {}
        for key, child in node.mapping.items():
            checked = self._entry(key, child, schema)
            if checked is not None:
                kept[key] = checked
        for key in schema.get("required", ()):
            if key not in node.mapping:
                meaning = self._meaning(schema, key)
                self._report(node.key_at, "missing-key", f'"{key}" is missing', f"add {key}{meaning}")
        if len(node.mapping) < schema.get("minProperties", 0):
            self._report(node.at, "wrong-value", "this is empty", "add an entry")
        if "oneOf" in schema:
            self._exactly_one(node, [branch["required"][0] for branch in schema["oneOf"]])
        return node if kept == node.mapping else replace(node, value=kept)

    def _meaning(self, schema: dict[str, Any], key: str) -> str:
        text = self._described(schema["properties"].get(key, {}))
        return f": {text.rstrip('.')}" if text else ""

    def _meaning_of(self, schema: dict[str, Any]) -> str:
        """Return what belongs here, by the first sentence of the catalog's schema; nothing of users' data."""
        if self.rule is not None:
            return ""
        text = self._described(schema)
        return f"meaning: {text.partition('. ')[0].rstrip('.')}" if text else ""

    def _described(self, schema: dict[str, Any]) -> str:
        """Return the description of *schema*, or of what it refers to, as it is within a sentence."""
        text: str = schema.get("description") or self._deref(schema).get("description", "")
        return text[:1].lower() + text[1:]

    def _entry(self, key: str, child: Node, schema: dict[str, Any]) -> Node | None:
        known = schema.get("properties", {})
        if key in known:
            if not self._known_yet(child.key_at, f'"{key}"', known[key].get("x-since")):
                return None
            absent = child.value is None and key not in schema.get("required", ())
            return None if absent and not self._admits_null(known[key]) else self.check(child, known[key])
        if key.startswith("x-") and "^x-" in schema.get("patternProperties", {}):
            noted = schema["patternProperties"]["^x-"]
            is_known = self._known_yet(child.key_at, f'"{key}"', noted.get("x-since"))
            return self.check(child, noted) if is_known else None
        other = schema.get("additionalProperties", {})
        if other is False:
            fix = did_you_mean(key, known) or "remove it"
            self._report(child.key_at, "unknown-key", f'there is no key "{key}" here', fix)
            return None
        names = schema.get("propertyNames")
        if names is not None and not self._good_text(key, child.key_at, self._deref(names)):
            return None
        return self.check(child, other) if other else child

    def _admits_null(self, schema: dict[str, Any]) -> bool:
        schema = self._deref(schema)
        if "anyOf" in schema:
            return any(self._admits_null(branch) for branch in schema["anyOf"])
        return "type" in schema and _admits(schema["type"], "null")

    def _exactly_one(self, node: Node, keys: list[str]) -> None:
        # Here as elsewhere, a key without a value counts as absent.
        present = [key for key in keys if key in node.mapping and node.mapping[key].value is not None]
        if len(present) != 1:
            rest = f"has {' and '.join(present)}" if present else "has none of them"
            self._report(node.key_at, "wrong-value", f"give exactly one of {', '.join(keys)}; this {rest}")

    def _list(self, node: Node, schema: dict[str, Any]) -> Node | None:
        count, least, most = len(node.items), schema.get("minItems", 0), schema.get("maxItems", math.inf)
        if not least <= count <= most:
            self._report(node.at, "wrong-value", f"{_range(least, most)} items are allowed, not {count}")
            return None
        items = schema.get("items")
        if items is None:
            return node
        checked = (self.check(child, items) for child in node.items)
        return replace(node, value=[child for child in checked if child is not None])

    def _scalar(self, node: Node, schema: dict[str, Any]) -> Node | None:
        value = node.value
        if isinstance(value, str):
            return node if self._good_text(value, node.at, schema) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return node if self._good_number(value, node.at, schema) else None
        return node

    def _good_text(self, text: str, at: Location, schema: dict[str, Any]) -> bool:
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        if not least <= len(text) <= most:
            self._report(at, "wrong-value", f"{_range(least, most)} characters are allowed, not {len(text)}")
            return False
        pattern = schema.get("pattern")
        if pattern is not None and not _compiled(pattern).search(text):
            hint = (
                schema.get("patternErrorMessage")
                or _FORMATS.get(schema.get("format", ""))
                or f"it must match {pattern}"
            )
            self._report(at, "wrong-value", f'"{text[:80]}" is not allowed here: {hint}')
            return False
        return True

    def _good_number(self, number: float, at: Location, schema: dict[str, Any]) -> bool:
        least, most = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if not math.isfinite(number) or (isinstance(number, int) and not -_INT64 <= number < _INT64):
            self._report(at, "wrong-value", "the number is too large, or none", "use a number that fits into 64 bits")
            return False
        if not least <= number <= most:
            self._report(at, "wrong-value", f"{_range(least, most)} is allowed, not {number}")
            return False
        return True

    def _report(self, at: Location, rule: str, message: str, fix: str = "") -> None:
        self.findings.error(at, self.rule or rule, message, fix, self.subject)


_CHECKS: Final[dict[str, Callable[[Shape, Node, dict[str, Any]], Node | None]]] = {
    "object": Shape._mapping,  # noqa: SLF001 - the table belongs to the class
    "array": Shape._list,  # noqa: SLF001 - the same
}


def type_of(node: Node) -> str:
    """Return the JSON type of *node*."""
    return _TYPES[type(node.value)]


_TYPES: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(in_python(pattern))


def _admits(allowed: str | list[str], kind: str) -> bool:
    kinds = [allowed] if isinstance(allowed, str) else allowed
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _expected(schema: dict[str, Any]) -> str:
    allowed = schema["type"]
    kinds = [allowed] if isinstance(allowed, str) else allowed
    return " or ".join(_WORDS[kind] for kind in kinds)


def _found(node: Node, kind: str) -> str:
    return _WORDS[kind] if kind in {"object", "array", "null"} else _shown(node.value)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:80]


def _range(least: float, most: float) -> str:
    if most == math.inf:
        return f"at least {least}"
    if least == -math.inf:
        return f"at most {most}"
    return f"exactly {least}" if least == most else f"{least} to {most}"
