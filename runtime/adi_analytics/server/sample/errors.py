"""What keeps somebody from seeing samples."""

from __future__ import annotations

from adi_analytics.errors import AnalyticsError


class SampleModeError(AnalyticsError):
    """Samples can't be shown. The message says why, and what to do."""
