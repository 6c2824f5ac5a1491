"""Why a question gets no answer. No message repeats a value of the database, nor the database's own words."""

from __future__ import annotations

from typing import Final

from adi_analytics.errors import AnalyticsError

_SQLSTATE: Final = 5  # characters; ClickHouse has no code as long


class QueryError(AnalyticsError):
    """A question got no answer.

    Attributes:
        problem: What is wrong.
        remedy: How to mend it.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


class QueryArgumentError(QueryError, ValueError):
    """An argument of a question is wrong.

    Attributes:
        parameter: Its name.
        problem: What is wrong with it.
        remedy: What was expected.
    """

    def __init__(self, parameter: str, problem: str, remedy: str) -> None:
        AnalyticsError.__init__(self, parameter, problem, remedy)
        self.parameter = parameter
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.parameter}: {self.problem}. {self.remedy}"


class MeasureRefusedError(QueryError):
    """A measure has no right value for this question, or one that is not for everybody.

    Attributes:
        measure: Its name.
        problem: Why there is no right value.
        remedy: What would give one.
    """

    def __init__(self, measure: str, problem: str, remedy: str) -> None:
        AnalyticsError.__init__(self, measure, problem, remedy)
        self.measure = measure
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.measure}: {self.problem}. {self.remedy}"


class QueryDatabaseError(QueryError):
    """The database can't answer.

    Attributes:
        sqlstate: Its error code, on ClickHouse a number; ``None`` when it can't be reached.
        problem: What that means. The server's own message is not repeated: it may hold values.
        remedy: How to mend it.
    """

    def __init__(self, sqlstate: str | None, problem: str, remedy: str) -> None:
        AnalyticsError.__init__(self, sqlstate, problem, remedy)
        self.sqlstate = sqlstate
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        kind = "SQLSTATE" if len(self.sqlstate or "") == _SQLSTATE else "code"
        code = f" ({kind} {self.sqlstate})" if self.sqlstate else ""
        return f"{self.problem}{code}. {self.remedy}"
