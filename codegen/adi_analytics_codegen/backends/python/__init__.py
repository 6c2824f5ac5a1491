"""Python: a package with one module per domain, of frozen dataclasses that encode and decode themselves in C."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.describe import sentence
from adi_analytics_codegen.backends.python.classes import (
    Classes,
    classes_of,
    classes_of_type,
    enum_definition,
    enum_extra,
)
from adi_analytics_codegen.backends.python.facts import infos, is_past
from adi_analytics_codegen.backends.text import HEADER, WIDTH, environment, import_line, py_docstring
from adi_analytics_codegen.model.fingerprint import fingerprint
from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.rows.wire import as_on_wire
from adi_analytics_codegen.model.tables import dead_letters_table, late_after
from adi_analytics_codegen.model.walk import every_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adi_analytics_codegen.model.catalog import Catalog

_STANDARD: Final = {
    "Mapping": "collections.abc",
    "_field": "dataclasses",
    "date": "datetime",
    "_date": "datetime",
    "datetime": "datetime",
    "Decimal": "decimal",
    "IntEnum": "enum",
    "StrEnum": "enum",
    "Annotated": "typing",
    "Any": "typing",
    "ClassVar": "typing",
    "Literal": "typing",
    "UUID": "uuid",
}
"""Names that generated code takes from the standard library."""
_PUBLIC: Final = (
    "CATALOG", "CATALOG_HASH", "CATALOG_NAME", "DECODERS", "EVENTS", "AnyEvent", "EventDecodeError", "FieldInfo",
    "field_info", "from_dict", "from_json", "from_stored", "to_dict", "to_json",
)  # fmt: skip
_MODULES: Final = (
    "__init__",
    "_catalog",
    "_codec",
    "_dataclass",
    "_fields",
    "_info",
    "_pydantic",
    "_registry",
    "_stored",
)
_PLAIN_SCALE: Final = 6
"""Up to so many digits after the point Python writes a decimal without an exponent."""


def render(catalog: Catalog) -> dict[str, str]:
    """Return the package of *catalog*."""
    return _Package(catalog).files()


class _Package:
    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.templates = environment("python")
        self.by_domain = {
            domain: [made for event in catalog.events if event.domain == domain for made in classes_of(event)]
            for domain in catalog.domains
        }
        self.types = [made for one in catalog.types for made in classes_of_type(one)]

    def files(self) -> dict[str, str]:
        """Return the text of every module."""
        texts = self.class_texts()
        folder = f"python/{self.catalog.python_package}"
        files = {
            f"{folder}/{domain}.py": self.module(self.catalog.domains[domain], [texts[made.name] for made in classes])
            for domain, classes in self.by_domain.items()
            if classes
        }
        if self.catalog.enums:
            enums = [texts[enum.class_name] for enum in self.catalog.enums]
            files[f"{folder}/_enums.py"] = self.module("Enums of the catalog", enums)
        if self.types:
            shared = [texts[made.name] for made in self.types]
            files[f"{folder}/_types.py"] = self.module("Objects that events share", shared)
        context = self.context()
        for name in (*_MODULES, *(["_open"] if self.has_open() else [])):
            files[f"{folder}/{name}.py"] = self.render(f"{name}.py.jinja", **context)
        return {**files, f"{folder}/py.typed": ""}

    def has_open(self) -> bool:
        """Return whether an event has an open object."""
        return any(field.open for event in self.catalog.events for field in every_field(event.fields))

    def has_small_decimals(self) -> bool:
        """Return whether an event has a decimal that can be below a millionth."""
        fields = (field for event in self.catalog.events for field in every_field(event.fields))
        return any(
            field.type is FieldType.DECIMAL and (field.scale is None or field.scale > _PLAIN_SCALE) for field in fields
        )

    def render(self, template: str, **context: Any) -> str:
        return self.templates.get_template(template).render(header=f"# {HEADER}", **context)

    def context(self) -> dict[str, Any]:
        """Return what the templates of the package's own modules need."""
        events = [event.class_name for event in self.catalog.events]
        enums = [enum.class_name for enum in self.catalog.enums]
        modules = sorted(
            (domain, [made.name for made in made_in]) for domain, made_in in self.by_domain.items() if made_in
        )
        types = [made.name for made in self.types]
        names = [*types, *(name for _, named in modules for name in named)]
        return {
            "catalog": self.catalog,
            "hash": fingerprint(self.catalog),
            "dead_letters_table": dead_letters_table(self.catalog),
            "late_after": late_after(self.catalog),
            "format": 1 if self.catalog.user_id is FieldType.UUID and as_on_wire(self.catalog) is self.catalog else 2,
            "docstring": py_docstring(f"Events of the catalog {self.catalog.name}.", indent=0),
            "modules": [
                (module, sorted(named, key=_import_order))
                for module, named in ([("_types", types)] if types else []) + modules
            ],
            "event_modules": [
                (domain, sorted((made.name for made in self.by_domain[domain] if made.event), key=_import_order))
                for domain, _ in modules
            ],
            "enums": sorted(enums, key=_import_order),
            "exported": sorted([*_PUBLIC, *enums, *names], key=_import_order),
            "union": _union(events),
            "fields": [(event.type, list(infos(event.fields))) for event in self.catalog.events],
            "has_rules": any(event.rules for event in self.catalog.events),
            "has_open": self.has_open(),
            "has_small_decimals": self.has_small_decimals(),
            "has_past": any(is_past(event) for event in self.catalog.events),
        }

    def module(self, summary: str, texts: list[str]) -> str:
        """Return a module of classes with the imports that they need."""
        used = _names_in("\n\n".join(texts))
        standard: dict[str, list[str]] = {}
        for name, module in _STANDARD.items():
            if name in used:
                standard.setdefault(module, []).append(name)
        makers: list[str] = [name for name in ("dataclass", "deprecated") if name in used]
        own = {
            "._dataclass": makers,
            "._enums": self.defined_in((enum.class_name for enum in self.catalog.enums), used, texts),
            "._types": self.defined_in((made.name for made in self.types), used, texts),
        }
        imports = {
            "standard": [line for module, names in sorted(standard.items()) for line in _from(module, names)],
            "third_party": ["from msgspec import Meta"] if "Meta" in used else [],
            "own": [import_line(module, names) for module, names in own.items() if names],
        }
        return self.render(
            "module.py.jinja", docstring=py_docstring(sentence(summary), 0), imports=imports, classes=texts
        )

    def defined_in(self, names: Iterable[str], used: set[str], texts: list[str]) -> list[str]:
        """Return those of *names* that are used and come from another module than that of *texts*."""
        defined = set(re.findall(r"^class (\w+)", "\n".join(texts), re.MULTILINE))
        return sorted((set(names) & used) - defined, key=_import_order)

    def class_texts(self) -> dict[str, str]:
        """Return the text of every class, by name."""
        from adi_analytics_codegen.backends.python.datamodel import classes

        described = Classes(self.catalog)
        made = [*self.types, *(one for in_domain in self.by_domain.values() for one in in_domain)]
        definitions = {enum.class_name: enum_definition(enum) for enum in self.catalog.enums}
        definitions |= {one.name: described.definition(one) for one in made}
        extra = {enum.class_name: enum_extra(enum) for enum in self.catalog.enums}
        extra |= {one.name: described.template_data(one) for one in made}
        return classes(definitions, extra) if definitions else {}


def _union(names: list[str]) -> str:
    line = f"AnyEvent: TypeAlias = {' | '.join(names)}"
    if len(line) <= WIDTH:
        return line
    together = " | ".join(names)
    inner = together if 4 + len(together) <= WIDTH else "\n    | ".join(names)
    return f"AnyEvent: TypeAlias = (\n    {inner}\n)"


def _import_order(name: str) -> tuple[int, str, str]:
    """Sort as ruff does: constants, then classes, then the rest, all without regard to case."""
    group = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return group, name.lower(), name


def _from(module: str, names: list[str]) -> Iterator[str]:
    """Yield the lines that import *names*: first those by another name, which begin with an underscore."""
    yield from (f"from {module} import {name[1:]} as {name}" for name in names if name.startswith("_"))
    plain = [name for name in names if not name.startswith("_")]
    if plain:
        yield f"from {module} import {', '.join(plain)}"


def _names_in(code: str) -> set[str]:
    """Return the names that *code* uses; its strings are no names, and what it defines is not used."""
    nodes = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name))
    return {node.id for node in nodes if isinstance(node.ctx, ast.Load)}
