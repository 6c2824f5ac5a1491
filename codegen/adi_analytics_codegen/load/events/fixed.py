"""Values that the catalog gives to fields: constants, and what a sender means that leaves a field out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.load.conditions.possible import Values, decimal_of, decimal_text
from adi_analytics_codegen.model.kinds import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.load.source.yaml import Node
    from adi_analytics_codegen.model.fields import Enum, Field

CONSTANT_TYPES: Final = (FieldType.STRING, FieldType.INT, FieldType.BOOL)
DEFAULT_TYPES: Final = (*CONSTANT_TYPES, FieldType.FLOAT, FieldType.DECIMAL, FieldType.ENUM)
_BOUNDS: Final = ("min", "max", "min_length", "max_length", "pattern", "format", "default")
"""What a constant has no use for."""
_TYPES: Final[dict[FieldType, tuple[type, ...]]] = {
    FieldType.STRING: (str,),
    FieldType.ENUM: (str,),
    FieldType.INT: (int,),
    FieldType.BOOL: (bool,),
    FieldType.FLOAT: (int, float),
    FieldType.DECIMAL: (int, float, str),
}


def fixed_values(kind: FieldType, node: Node) -> dict[str, Any]:
    """Return the constant and the default of a field of type *kind*, as JSON has them.

    The default of a constant is the constant, unless the field is optional.
    """
    found = {"const": CONSTANT_TYPES, "default": DEFAULT_TYPES}
    stated = {
        key: _as_json(kind, node.scalar(key)) for key, kinds in found.items() if key in node.mapping and kind in kinds
    }
    is_filled = "const" in stated and not node.scalar("optional", default=False)
    return {"default": stated["const"], **stated} if is_filled else stated


def _as_json(kind: FieldType, value: Any) -> Any:
    if kind is FieldType.FLOAT and _fits(kind, value):
        return float(value)
    if kind is FieldType.DECIMAL and _fits(kind, value) and (number := decimal_of(value)) is not None:
        return decimal_text(number)
    return value


def check_fixed(field: Field, node: Node, subject: str, enums: Mapping[str, Enum], context: Context) -> None:
    """Report a constant or default of *field* that it cannot have."""
    for key, value in (("const", field.const), ("default", field.default)):
        if value is not None and key in node.mapping and field.at not in context.broken:
            problem = _problem(value, field, enums.get(field.enum or ""))
            if problem:
                message = f"the field never has its {key}: {problem}"
                context.error(node.mapping[key].at, "fixed-value", message, "change one of them", subject)
    if field.const is not None:
        for key in _BOUNDS:
            if key in node.mapping:
                message, at = f'a constant needs no "{key}"', node.mapping[key].key_at
                context.error(at, "fixed-value", message, "remove it", subject)
    if field.default is not None and field.optional and "default" in node.mapping:
        message = "a field with a default is in every event, so it is not optional"
        at = node.mapping["optional" if "optional" in node.mapping else "default"].key_at
        context.error(at, "fixed-value", message, "remove optional, or the default", subject)


def _problem(value: Any, field: Field, enum: Enum | None) -> str:
    """Return why *field* never is *value*; nothing where it may be."""
    shown = json.dumps(value, ensure_ascii=False)
    if not _fits(field.type, value) or (field.type is FieldType.DECIMAL and decimal_of(value) is None):
        return f"{shown} is no {field.type}"
    if isinstance(value, str) and "\0" in value:
        return "it holds U+0000, which PostgreSQL can't store"
    allowed = Values(field.type, field, enum)
    return "" if allowed.include(value) else f"{shown} is none of its values, which have {allowed.limits}"


def _fits(kind: FieldType, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind is FieldType.BOOL or not isinstance(value, bool))
