"""What Rust and Go cannot say: checked for catalogs that choose them as outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.text.naming import classes_of
from adi_analytics_codegen.model.text.spelling import go_field, rust_field, too_much_for_an_automaton, variant
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from adi_analytics_codegen.load.context import Context
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.fields import Field, Location

_SPELLINGS: Final[dict[str, Callable[[str], str]]] = {"rust": rust_field, "go": go_field}
_LABELS: Final = {"rust": "Rust", "go": "Go"}
_CLASSES: Final = {
    "rust": frozenset(
        [
            "AnyEvent",
            "BTreeMap",
            "Clone",
            "Debug",
            "Default",
            "Deserialize",
            "Deserializer",
            "Err",
            "Event",
            "EventError",
            "Field",
            "From",
            "Ok",
            "Option",
            "PartialEq",
            "Result",
            "Self",
            "Serialize",
            "Some",
            "String",
            "TryFrom",
            "UnknownEvent",
            "Value",
            "Vec",
        ]
    ),
    "go": frozenset(
        [
            "CatalogHash",
            "CatalogName",
            "Event",
            "EventError",
            "FromJSON",
            "FromStored",
            "StoredEvent",
            "ToJSON",
            "UnknownEvent",
        ]
    ),
}
"""Names that the generated code uses itself."""
_TAGS: Final = frozenset("!#$%&()*+-./:;<=>?@[]^_{|}~ ")
"""What a key may have in the tag of a field of a Go struct, besides letters and digits."""


def check_languages(catalog: Catalog, context: Context) -> None:
    """Report every name and pattern of *catalog* that a language which it chose cannot have."""
    for output in (output for output in _SPELLINGS if output in catalog.outputs):
        _check_fields(catalog, output, context)
        _check_members(catalog, output, context)
        _check_classes(catalog, output, context)
    if set(_SPELLINGS) & set(catalog.outputs):
        _check_patterns(catalog, context)
    if "go" in catalog.outputs:
        _check_keys(catalog, context)


def _check_patterns(catalog: Catalog, context: Context) -> None:
    for field in _fields(catalog):
        odd = too_much_for_an_automaton(field.pattern) if field.pattern is not None else None
        if odd is not None:
            message = f'Rust and Go have no "{odd}" in a pattern, because they never backtrack'
            fix = "write the pattern without it, or take rust and go out of catalog.outputs"
            context.error(field.at, "bad-pattern", message, fix, context.subjects.get(field.at, ""))


def _check_keys(catalog: Catalog, context: Context) -> None:
    for field in _fields(catalog):
        odd = next((one for one in field.key if not (one.isalnum() or one in _TAGS)), None)
        if odd is not None:
            message = f'no key of JSON can have "{odd}" in a struct of Go'
            fix = "take go out of catalog.outputs, or give the field another name on the wire"
            context.error(field.at, "wrong-value", message, fix, context.subjects.get(field.at, ""))


def _fields(catalog: Catalog) -> Iterator[Field]:
    """Yield every field once, also one that several events have from a group."""
    seen: set[Location] = set()
    for event in catalog.events:
        for field in every_field(event.fields):
            if field.at not in seen:
                seen.add(field.at)
                yield field


def _check_fields(catalog: Catalog, output: str, context: Context) -> None:
    levels = [event.fields for event in catalog.events]
    levels += [field.fields for field in _fields(catalog) if field.fields]
    reported: set[Location] = set()
    for fields in levels:
        for first, second, name in _twice((field.name, _SPELLINGS[output](field.name), field) for field in fields):
            if second.at not in reported:
                reported.add(second.at)
                message = f'fields "{first}" and "{second.name}" would both be called {name} in {_LABELS[output]}'
                subject = context.subjects.get(second.at, "")
                context.error(second.at, "member-collision", message, "rename one of them", subject)


def _twice(named: Iterable[tuple[str, str, Field]]) -> Iterator[tuple[str, Field, str]]:
    taken: dict[str, str] = {}
    for name, spelled, field in named:
        first = taken.setdefault(spelled, name)
        if first != name:
            yield first, field, spelled


def _check_members(catalog: Catalog, output: str, context: Context) -> None:
    for enum in catalog.enums:
        taken: dict[str, str] = {}
        for value in enum.values:
            first = taken.setdefault(variant(value), value.name)
            if first != value.name:
                called = f"{variant(value)} in {_LABELS[output]}"
                message = f'values "{first}" and "{value.name}" would both be called {called}'
                fix = "give one of them a member name: {member: NAME}"
                context.error(value.at, "member-collision", message, fix, f"enums.{enum.name}")


def _check_classes(catalog: Catalog, output: str, context: Context) -> None:
    taken: dict[str, str] = {}
    for name, subject, at in classes_of(catalog):
        if name in _CLASSES[output]:
            message = f'class name "{name}" of {subject} is used by the generated {_LABELS[output]}'
            context.error(at, "class-name", message, "set class_name, or rename it", subject)
        for made in (name, *([f"Stored{name}"] if output == "go" else [])):
            first = taken.setdefault(made, subject)
            if first != subject and made != name:
                message = f'{subject} and {first} would both be "{made}" in Go'
                context.error(at, "class-name", message, "set class_name for one of them, or rename it", subject)
    if output == "go":
        for enum in catalog.enums:
            for value in enum.values:
                made = f"{enum.class_name}{variant(value)}"
                if taken.setdefault(made, f"enums.{enum.name}") != f"enums.{enum.name}":
                    message = f'"{value.name}" and {taken[made]} would both be "{made}" in Go'
                    fix = "give the value a member name: {member: NAME}"
                    context.error(value.at, "member-collision", message, fix, f"enums.{enum.name}")
