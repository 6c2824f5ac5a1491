"""What a lint is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from adi_analytics_codegen.model.findings import Severity

if TYPE_CHECKING:
    from adi_analytics_codegen.load.loader import Loaded
    from adi_analytics_codegen.model.fields import Location

Seen = TypeVar("Seen")
Found: TypeAlias = "tuple[Location, str, str, str]"
"""Place, subject, message and fix."""


@dataclass(frozen=True, slots=True)
class Lint(Generic[Seen]):
    """A rule about a catalog or a part of it: how it checks, and what it says, for docs/reference/rules.md."""

    check: Callable[[Seen, Loaded], Iterator[Found]]
    text: str
    severity: Severity = Severity.WARNING
