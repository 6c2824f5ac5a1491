"""The event catalog as Markdown: what is sent, by whom, how sensitive it is, and what is made of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends import describe
from adi_analytics_codegen.backends.describe import deprecation_text, enum_value_text, rule_text, sentence
from adi_analytics_codegen.backends.people import reads, views
from adi_analytics_codegen.backends.text import HEADER, environment
from adi_analytics_codegen.model.kinds import FieldType, Status
from adi_analytics_codegen.model.readers import columns_fed, questions, questions_of_event, readers_of_event
from adi_analytics_codegen.model.text.durations import duration_text
from adi_analytics_codegen.model.walk import innermost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adi_analytics_codegen.model.annotations import Annotations
    from adi_analytics_codegen.model.catalog import Catalog
    from adi_analytics_codegen.model.events import Event
    from adi_analytics_codegen.model.fields import Field
    from adi_analytics_codegen.model.questions.aggregates import Aggregate, Measure, Ratio, Test

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~$])")


def render(catalog: Catalog) -> dict[str, str]:
    """Return the pages of *catalog*: an index, one page per domain, one of aggregates, one of enums."""
    pages = {"index.md": "index.md.jinja", "aggregates.md": "aggregates.md.jinja", "enums.md": "enums.md.jinja"}
    files = {f"docs/{path}": _page(template, catalog) for path, template in pages.items()}
    if questions(catalog):
        asked = [(question, views(question), reads(question, code)) for question in questions(catalog)]
        files["docs/people.md"] = _page("people.md.jinja", catalog, people=asked)
    for domain in catalog.domains:
        files[f"docs/domains/{domain}.md"] = _page("domain.md.jinja", catalog, domain=domain)
    return files


def _page(template: str, catalog: Catalog, **context: Any) -> str:
    made = (
        environment("docs")
        .get_template(template)
        .render(
            header=HEADER,
            catalog=catalog,
            md=md,
            code=code,
            sentence=sentence,
            duration=duration_text,
            readers=readers_of_event,
            askers=questions_of_event,
            questions=questions(catalog),
            columns=_columns,
            rows=_rows,
            life=_life,
            notes=notes_text,
            rule_text=rule_text,
            measure=measure_text,
            ratio=ratio_text,
            where=_where,
            value_text=enum_value_text,
            **context,
        )
    )
    return re.sub(r"\n{3,}", "\n\n", made).rstrip() + "\n"


def md(text: str) -> str:
    """Return *text* as Markdown that shows it, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return *text* as code, safe inside a table."""
    ticks = "``" if "`" in text else "`"
    space = " " if "`" in text else ""
    return f"{ticks}{space}{text}{space}{ticks}".replace("|", "\\|")


def _life(event: Event) -> str:
    """Return status, reason and replacement of *event*; nothing for a stable one."""
    return "" if event.status is Status.STABLE else deprecation_text(event.status.capitalize(), event.deprecated)


def _rows(catalog: Catalog, event: Event) -> Iterator[dict[str, str]]:
    """Yield the rows of the table of fields, those inside objects with dotted names."""
    for path, field in deep("", event.fields):
        yield {
            "name": code(path),
            "type": type_text(catalog, field),
            "required": "" if field.may_be_left_out else "yes",
            "sensitivity": f"{field.sensitivity}, {field.store}" if _is_delicate(field) else "",
            "text": " ".join(
                filter(None, [md(sentence(field.description)) if field.description else "", _notes(field)])
            ),
        }


def _is_delicate(field: Field) -> bool:
    return field.sensitivity != "none" or field.store != "keep"


def deep(prefix: str, fields: tuple[Field, ...]) -> Iterator[tuple[str, Field]]:
    """Yield *fields* and those inside them with their paths, such as ``lines[].note`` and ``visits{}.note``."""
    for field in fields:
        yield f"{prefix}{field.name}", field
        yield from deep(f"{prefix}{field.name}{_marks(field)}.", innermost(field).fields)


def _marks(field: Field) -> str:
    """Return what stands in a path for the lists and maps that lead to what is inside *field*."""
    return "" if field.items is None else ("{}" if field.type is FieldType.MAP else "[]") + _marks(field.items)


def type_text(catalog: Catalog, field: Field) -> str:
    """Return the type of *field* in words."""
    if field.type is FieldType.LIST and field.items is not None:
        return f"list of {_inside(catalog, field.items)}"
    if field.type is FieldType.MAP and field.items is not None:
        return f"map of {_inside(catalog, field.items)}"
    if field.enum is not None:
        return f"enum {code(field.enum)}"
    if field.type is FieldType.OBJECT:
        named = "" if field.class_name is None else f" {code(field.class_name)}"
        return f"{'open ' if field.open else ''}object{named}"
    if field.type is FieldType.DECIMAL:
        return f"decimal({field.precision}, {field.scale})"
    return f"string ({field.format})" if field.format is not None else str(field.type)


def _inside(catalog: Catalog, items: Field) -> str:
    return type_text(catalog, items) + (" or null" if items.optional else "")


def _notes(field: Field) -> str:
    """Return the name in JSON, unit, bounds and deprecation of *field*."""
    bounds = [
        f"{word} {value if key != 'pattern' else code(str(value))}"
        for key, word in _BOUNDS.items()
        if (value := getattr(field, key)) is not None and (key != "pattern" or field.format is None)
    ]
    told = ["" if field.wire is None else f"In JSON: {code(field.wire)}."]
    told += [f"Unit: {md(field.unit)}." if field.unit else "", f"Bounds: {', '.join(bounds)}." if bounds else ""]
    told.append(describe.fixed_text(field, code))
    if field.deprecated is not None:
        told.append(md(deprecation_text("Deprecated", field.deprecated)))
    return " ".join(filter(None, [*told, notes_text(field.annotations)]))


def notes_text(notes: Annotations) -> str:
    """Return *notes* as sentences of Markdown on one line; nothing where there are none."""
    links = ", ".join(f"{md(name)}: <{url}>" if name else f"<{url}>" for name, url in notes.links)
    told = [
        f"Tags: {', '.join(map(code, notes.tags))}." if notes.tags else "",
        f"Category of data: {code(notes.data_category)}." if notes.data_category else "",
        f"Expires: {notes.expires}." if notes.expires else "",
        f"Links: {links}." if links else "",
        *(f"{code(key)}: {code(json.dumps(value, ensure_ascii=False))}." for key, value in notes.extra.items()),
    ]
    return " ".join(filter(None, told))


_BOUNDS: Final = {
    "min": "at least",
    "max": "at most",
    "min_length": "length at least",
    "max_length": "length at most",
    "pattern": "matches",
    "min_items": "items at least",
    "max_items": "items at most",
}


def _columns(event: Event, aggregate: Aggregate) -> str:
    """Return the columns of *aggregate* that *event* feeds."""
    return ", ".join(map(code, columns_fed(aggregate, event.name)))


def measure_text(measure: Measure) -> str:
    """Return how *measure* is computed, as Markdown."""
    return describe.measure_text(measure, code)


def ratio_text(ratio: Ratio, aggregate: Aggregate) -> str:
    """Return how *ratio* of *aggregate* is computed, as Markdown."""
    return describe.ratio_text(ratio, aggregate, code)


def _where(where: tuple[Test, ...]) -> str:
    return describe.where_text(where, code)
