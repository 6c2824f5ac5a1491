"""Define, send, store and roll up product-analytics events on PostgreSQL and TimescaleDB."""

from adi_analytics.errors import AnalyticsError

__all__ = ["AnalyticsError"]
