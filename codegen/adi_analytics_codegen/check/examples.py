"""The examples of events against the schemas that are generated for the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics_codegen.backends.describe import rule_text
from adi_analytics_codegen.backends.json_schema import JsonSchemas
from adi_analytics_codegen.load.source.shape import Shape
from adi_analytics_codegen.model.findings import Finding, Findings
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.events import Event


def example_findings(loaded: Loaded) -> list[Finding]:
    """Return everything in the examples of a catalog that its own schemas refuse, even if the catalog has errors."""
    catalog, root, findings = loaded.draft, loaded.root, Findings()
    if catalog is None or root is None:
        return []
    schemas = JsonSchemas(catalog)
    for event in catalog.events:
        examples = root.mapping["events"].mapping[event.name].list("examples")
        if not examples or any(field.at in loaded.broken for field in every_field(event.fields)):
            continue
        schema = schemas.event(event)
        schema["required"].remove("type")
        del schema["properties"]["type"]
        shape = Shape(schema, findings, "bad-example", f"events.{event.name}")
        for example in examples:
            shape.check(example)
            _check_rules(event, example, findings)
    return findings.items


def _check_rules(event: Event, example: Node, findings: Findings) -> None:
    data = example.plain()
    keys = {field.name: field.key for field in event.fields}
    present = {name: data.get(key) is not None for name, key in keys.items()}
    for rule in event.rules:
        if rule.is_broken_by(present):
            fix = rule_text(rule, keys.__getitem__)
            message = "the example breaks a rule between its fields"
            findings.error(example.at, "bad-example", message, fix, f"events.{event.name}")
