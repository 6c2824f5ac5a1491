"""A catalog of an older format may not use what came later, and is told so at the place."""

from __future__ import annotations

from typing import Any, Final

import pytest
from adi_analytics_codegen.load.loader import resolve
from adi_analytics_codegen.load.source.shape import Shape
from adi_analytics_codegen.load.source.yaml import parse
from adi_analytics_codegen.model.findings import Findings
from support.codegen.projects import minimal

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "plain": {"type": "string"},
        "later": {"type": "string", "x-since": 2},
        "kind": {"enum": ["old", "new"], "x-since-values": {"new": 2}},
        "either": {"anyOf": [{"type": "string"}, {"type": "array", "x-since": 2}]},
    },
}


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ("later: a", '"later"', (1, 1)),
        ("kind: new", '"new"', (1, 7)),
        ("either: [a]", "a list", (1, 9)),
    ],
    ids=["key", "value", "type"],
)
def test_what_came_later_needs_the_later_format(text: str, what: str, place: tuple[int, int]) -> None:
    (old,) = findings_of(text, 1)
    assert (old.rule, old.at.line, old.at.column) == ("needs-format", *place)
    assert old.message == f"{what} needs format 2, and the catalog says 1"
    assert "analytics-codegen upgrade" in old.fix
    assert findings_of(text, 2) == []


@pytest.mark.parametrize("text", ["plain: a", "kind: old", "either: a"])
def test_what_was_always_there_needs_no_format(text: str) -> None:
    assert findings_of(text, 1) == []


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({"dimensions": {"environment": "$environment"}}, '"$environment"'),
        ({"where": {"$hostname": "a"}}, '"$hostname"'),
        ({"where": {"$not": {"event": "page_view"}}}, '"$not"'),
        ({"where": {"$service": {"prefix": "a"}}}, '"prefix"'),
    ],
    ids=["dimension", "reference", "group", "operator"],
)
def test_aggregates_of_format_1_have_nothing_newer(tmp_path, keys, what) -> None:
    daily = {
        "description": "x",
        "from": ["page_view"],
        "bucket": {"as": "day", "width": "1 day"},
        "measures": {"views": {"count": True}},
        "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
    }
    file = tmp_path / "events.yaml"
    file.write_text(minimal(aggregates={"daily": daily | keys}))
    (finding,) = resolve(file).findings
    assert (finding.rule, finding.message) == ("needs-format", f"{what} needs format 2, and the catalog says 1")


@pytest.mark.parametrize("stated", [1, 2])
def test_a_catalog_says_its_format(tmp_path, stated: int) -> None:
    file = tmp_path / "events.yaml"
    file.write_text(f"catalog: {{format: {stated}, name: small, owner: me}}\n")
    loaded = resolve(file)
    assert loaded.catalog is not None, loaded.findings
    assert loaded.catalog.format == stated


@pytest.mark.parametrize("stated", ["3", "0", "true", "x", "1.0", "[1]", "{a: 1}"])
def test_a_format_that_does_not_exist_is_refused(tmp_path, stated: str) -> None:
    file = tmp_path / "events.yaml"
    file.write_text(f"catalog: {{format: {stated}, name: small, owner: me}}\n")
    loaded = resolve(file)
    assert loaded.catalog is None
    assert {finding.at.line for finding in loaded.findings} == {1}


def findings_of(text: str, stated: int) -> list[Any]:
    findings = Findings()
    node = parse(text.encode(), "events.yaml", findings)
    assert node is not None
    Shape(SCHEMA, findings, format=stated).check(node)
    return findings.items
