"""The examples of events against the schemas that are generated for the events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics_codegen.backends.json_schema import JsonSchemas
from adi_analytics_codegen.load.shape import Shape
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.yaml import Node
    from adi_analytics_codegen.model.model import Catalog


def check_examples(catalog: Catalog, root: Node, context: Context) -> None:
    """Report everything in the examples of *catalog* that its own schemas refuse."""
    schemas = JsonSchemas(catalog)
    for event in catalog.events:
        examples = root.mapping["events"].mapping[event.name].list("examples")
        if not examples or any(field.at in context.broken for field in every_field(event.fields)):
            continue
        schema = schemas.event(event)
        schema["required"].remove("type")
        del schema["properties"]["type"]
        shape = Shape(schema, context.findings, "bad-example", f"events.{event.name}")
        for example in examples:
            shape.check(example)
