"""Sentences about events, fields and enum values, the same in every language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adi_analytics_codegen.model.model import Sensitivity, Status, Store

if TYPE_CHECKING:
    from adi_analytics_codegen.model.model import Deprecation, EnumValue, Event, Field

_STORED: Final = {Store.KEEP: "stored as it is", Store.HASH: "stored as a keyed hash", Store.DROP: "not stored"}


def class_text(event: Event) -> str:
    """Return what a reader should know about *event*: paragraphs with an empty line between."""
    parts = [sentence(event.description)]
    if event.status is not Status.STABLE:
        parts.append(deprecation_text(event.status.capitalize(), event.deprecated))
    if event.owner:
        parts.append(f"Owner: {event.owner}.")
    return "\n\n".join(parts)


def field_text(field: Field) -> str:
    """Return what a reader should know about *field*, as sentences on one line."""
    parts = [sentence(field.description)] if field.description else []
    if field.unit:
        parts.append(f"Unit: {field.unit}.")
    if field.sensitivity is not Sensitivity.NONE or field.store is not Store.KEEP:
        parts.append(f"Sensitivity: {field.sensitivity}, {_STORED[field.store]}.")
    if field.deprecated is not None:
        parts.append(deprecation_text("Deprecated", field.deprecated))
    return " ".join(parts)


def enum_value_text(value: EnumValue) -> str:
    """Return what a reader should know about *value*, as sentences on one line."""
    parts = [sentence(value.description)] if value.description else []
    if value.deprecated is not None:
        parts.append(deprecation_text("Deprecated", value.deprecated))
    return " ".join(parts)


def deprecation_text(word: str, deprecation: Deprecation | None) -> str:
    """Return *word* with the reason and the replacement."""
    reason = f": {deprecation.reason.rstrip('.')}." if deprecation and deprecation.reason else "."
    instead = f" Use {deprecation.replaced_by}." if deprecation and deprecation.replaced_by else ""
    return f"{word}{reason}{instead}"


def sentence(text: str) -> str:
    """Return *text* with a full stop."""
    stripped = text.strip()
    return stripped if stripped.endswith((".", "!", "?", ":")) else f"{stripped}."
