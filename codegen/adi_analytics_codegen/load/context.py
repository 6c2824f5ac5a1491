"""What the steps of loading a catalog share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adi_analytics_codegen.model.kinds import FieldType
from adi_analytics_codegen.model.shown import Shown

if TYPE_CHECKING:
    from adi_analytics_codegen.model.fields import Location
    from adi_analytics_codegen.model.findings import Findings


@dataclass(slots=True, repr=False)
class Context(Shown):
    """The state of one load.

    Attributes:
        subjects: Place to the path of what was defined there, such as ``groups.user.user_id``.
        broken: Places of fields whose type is not known, because of a mistake that has its finding already.
        user_id: The type of the column ``user_id``.
    """

    findings: Findings
    subjects: dict[Location, str] = field(default_factory=dict)
    broken: set[Location] = field(default_factory=set)
    user_id: FieldType = FieldType.UUID

    def error(self, at: Location, rule: str, message: str, fix: str = "", subject: str = "") -> None:
        """Add an error."""
        self.findings.error(at, rule, message, fix, subject)
