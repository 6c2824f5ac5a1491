"""Optional parts: metrics for OpenTelemetry and Prometheus."""

from __future__ import annotations

from adi_analytics.errors import AnalyticsError


class ExtraMissingError(AnalyticsError, ImportError):
    """A module of ``contrib`` needs a package that is not installed, or a newer one.

    Attributes:
        extra: The extra of adi-analytics that brings it.
        reason: What Python says about the package.
    """

    def __init__(self, extra: str, reason: str) -> None:
        super().__init__(extra, reason)
        self.extra = extra
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"adi_analytics.contrib.{self.extra} needs the extra [{self.extra}] ({self.reason}). Install it with "
            f"`pip install 'adi-analytics[{self.extra}]'`."
        )
