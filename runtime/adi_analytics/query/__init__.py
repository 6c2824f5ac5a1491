"""Questions about the aggregates of a catalog, and typed answers. See docs/reference/query.md."""

from adi_analytics.query.api import query, query_async
from adi_analytics.query.api_people import funnel, funnel_async, members, members_async, retention, retention_async
from adi_analytics.query.model.column import Column
from adi_analytics.query.model.describe import describe
from adi_analytics.query.model.errors import MeasureRefusedError, QueryArgumentError, QueryDatabaseError, QueryError
from adi_analytics.query.model.frames import FrameMissingError
from adi_analytics.query.model.result import Resolved, Result, Warn

__all__ = [
    "Column",
    "FrameMissingError",
    "MeasureRefusedError",
    "QueryArgumentError",
    "QueryDatabaseError",
    "QueryError",
    "Resolved",
    "Result",
    "Warn",
    "describe",
    "funnel",
    "funnel_async",
    "members",
    "members_async",
    "query",
    "query_async",
    "retention",
    "retention_async",
]
