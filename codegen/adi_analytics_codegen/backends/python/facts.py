"""What the generated Python says of classes and fields besides annotations: class variables, and facts to ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adi_analytics_codegen.backends.describe import broken_rule_text, deprecation_text
from adi_analytics_codegen.backends.python.layout import Group, laid_out, line_of, literal, width
from adi_analytics_codegen.backends.text import WIDTH, py_string
from adi_analytics_codegen.model.kinds import FieldType, Sensitivity, Status, Store
from adi_analytics_codegen.model.rows.wire import part_of_path
from adi_analytics_codegen.model.walk import innermost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.backends.python.layout import Part
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.rules import FieldRule


def is_past(event: Event) -> bool:
    """Return whether *event* should no longer be sent."""
    return event.status in {Status.DEPRECATED, Status.RETIRED}


def decorator(event: Event) -> str:
    """Return the decorator of the class of a past *event*."""
    notice = deprecation_text(f"{event.name} is {event.status}", event.deprecated)
    return "@" + laid_out(Group("deprecated(", (py_string(notice),), ")"), "@")


def class_variables(event: Event) -> list[str]:
    """Return the declarations of what the class of *event* says of it."""
    store = Group("{", tuple(f"{py_string(path)}: {py_string(to)}" for path, to in stored_otherwise(event.fields)), "}")
    store_declaration = 'STORE: ClassVar[Mapping[str, Literal["hash", "drop"]]] = '
    name = py_string(event.type)
    type_declaration = f"EVENT_TYPE: ClassVar[Literal[{name}]] = "
    fits = width(f"    {type_declaration}{name}") <= WIDTH
    return [
        type_declaration + (name if fits else f"(\n        {name}\n    )"),
        f"EVENT_VERSION: ClassVar[int] = {event.version}",
        f"USER_ID_FIELD: ClassVar[str | None] = {_or_none(event.user_id_field)}",
        f"SERVICE_FIELD: ClassVar[str | None] = {_or_none(event.service_field)}",
        store_declaration + laid_out(store, f"    {store_declaration}"),
    ]


def wire_names(fields: Iterable[Field]) -> list[str]:
    """Return the declaration of what fields are called in JSON; none where no field has another name there."""
    names = Group("{", tuple(f"{py_string(f.name)}: {py_string(f.key)}" for f in fields if f.key != f.name), "}")
    declaration = "WIRE_NAMES: ClassVar[Mapping[str, str]] = "
    return [declaration + laid_out(names, f"    {declaration}")] if names.parts else []


def open_objects(fields: Iterable[Field], *, is_open: bool) -> list[str]:
    """Return the declaration of the paths of open objects; the empty one is the object itself."""
    paths = [*([""] if is_open else []), *_open_paths(fields)]
    declaration = "OPEN: ClassVar[tuple[str, ...]] = "
    shown = Group("(", tuple(map(py_string, paths)), ",)" if len(paths) == 1 else ")")
    return [declaration + laid_out(shown, f"    {declaration}")] if paths else []


def _open_paths(fields: Iterable[Field], prefix: str = "") -> Iterator[str]:
    for field in fields:
        path, inner = f"{prefix}{part_of_path(field.key)}{'.*' * _maps(field)}", innermost(field)
        if inner.open:
            yield path
        yield from _open_paths(inner.fields, f"{path}.")


def field_rules(event: Event) -> list[str]:
    """Return the declaration of the rules of *event*: what to say where one is broken, its kind and its fields."""
    rules = Group("{", tuple(_rule(event, rule) for rule in event.rules), "}")
    declaration = "RULES: ClassVar[Mapping[str, tuple[str, ...]]] = "
    return [declaration + laid_out(rules, f"    {declaration}")] if event.rules else []


def _rule(event: Event, rule: FieldRule) -> Part:
    return Group(
        f"{py_string(broken_rule_text(rule, event))}: (", tuple(map(py_string, (rule.kind, *rule.fields))), ")"
    )


def _or_none(text: str | None) -> str:
    return "None" if text is None else py_string(text)


def stored_otherwise(fields: Iterable[Field], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path of keys and policy of every field that is not stored unchanged.

    Lists do not appear in paths; a map is a ``*``.
    """
    for field in fields:
        path = f"{prefix}{part_of_path(field.key)}"
        if field.store is not Store.KEEP:
            yield path, str(field.store)
        else:
            yield from stored_otherwise(innermost(field).fields, f"{path}.{'*.' * _maps(field)}")


def _maps(field: Field) -> int:
    """Return how many maps lead to what is inside *field*."""
    return 0 if field.items is None else (field.type is FieldType.MAP) + _maps(field.items)


def infos(fields: Iterable[Field], prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield the dotted path of every field, and lines of what is to be said of it. Lists do not appear in paths."""
    for field in fields:
        path = f"{prefix}{field.name}"
        said: dict[str, Any] = {
            "wire": field.wire or "",
            "description": field.description,
            "unit": field.unit,
            "sensitivity": "" if field.sensitivity is Sensitivity.NONE else str(field.sensitivity),
            "store": "" if field.store is Store.KEEP else str(field.store),
            "deprecated": deprecation_text("Deprecated", field.deprecated) if field.deprecated else "",
            "annotations": field.annotations.as_keys(),
        }
        fixed = {"const": field.const, "default": field.default}
        said = {key: value for key, value in said.items() if value}
        said |= {key: value for key, value in fixed.items() if value is not None}
        yield path, [line_of(literal(value, f"{key}="), 12) for key, value in said.items()]
        yield from infos(innermost(field).fields, f"{path}.")
