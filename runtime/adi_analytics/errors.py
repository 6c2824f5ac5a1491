"""The errors of the package: small typed values under one root."""

from __future__ import annotations


class AnalyticsError(Exception):
    """The root of every error that this package raises on purpose."""
