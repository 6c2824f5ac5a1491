"""Questions to the database, and every failure as a problem document."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adi_analytics._audit.findings import ForeignCatalogError, NotInstalledError
from adi_analytics.query import (
    MeasureRefusedError,
    QueryArgumentError,
    QueryDatabaseError,
    Result,
    funnel_async,
    members_async,
    query_async,
    retention_async,
)
from adi_analytics.query.resolve.measures import ASK_PERSONAL
from adi_analytics.server.condition import Condition
from adi_analytics.server.problems import ProblemError

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Described
    from adi_analytics.server.read.sources.source import Source

_Found = TypeVar("_Found")

MOST_ROWS: Final = 100_000
"""Most rows of one answer: more of them come in pages."""

NEVER: Final = "No answer of this service shows them."
_RETRY: Final = {"Retry-After": "5"}
_AWAY: Final = re.compile(r"(?:08|57)...|202|394")
"""What says to come again: a connection lost, a statement stopped, or on ClickHouse too many of them at a time."""
_LINE: Final = "the database can't answer: %s"
_SLOW: Final = frozenset({"57014", "159", "160"})


class Reader:
    """Asks the aggregates of a catalog.

    Args:
        described: What can be asked.
        source: Where it is asked; without one nothing can be.
        timeout: Seconds for each statement.
        suppress_below: Distinct counts from 1 up to this, exclusive, are not shown.
        most_rows: Most rows of an answer without a limit. Defaults to `MOST_ROWS`.
    """

    def __init__(
        self,
        described: Described,
        source: Source | None,
        *,
        timeout: float,
        suppress_below: int | None,
        most_rows: int | None = None,
    ) -> None:
        self.described = described
        self._source = source
        self._most_rows = most_rows
        self._condition = Condition("the database answers again, after %.1f s")
        self.suppress_below = suppress_below
        self.timeout = timeout

    @property
    def source(self) -> Source:
        """Where the answers come from."""
        if self._source is None:
            raise RuntimeError("there is no database to ask")
        return self._source

    async def ask(self, aggregate: str, **arguments: Any) -> Result:
        """Return the answer to a question of the query layer.

        Raises:
            ProblemError: If there is none.
        """
        most = self._most_rows or MOST_ROWS
        given = {"limit": most, "database": self.source.database, **arguments}
        asked = query_async(
            aggregate, catalog=self.described, timeout=self.timeout, suppress_below=self.suppress_below, **given
        )
        result = await self.answered(asked, aggregate)
        if result.next is not None and "limit" not in arguments:
            raise _too_many(most)
        return result

    async def ask_people(self, kind: str, name: str, **arguments: Any) -> Result:
        """Return the answer to a question about people: *kind* is ``members``, ``retention`` or ``funnel``.

        Raises:
            ProblemError: If there is none.
        """
        asked = _PEOPLE[kind](
            name, database=self.source.database, catalog=self.described, timeout=self.timeout,
            suppress_below=self.suppress_below, **arguments,
        )  # fmt: skip
        result = await self.answered(asked, name)
        most = MOST_ROWS if "limit" in arguments else self._most_rows or MOST_ROWS
        if len(result) > most:
            raise _too_many(most)
        return result

    async def answered(self, asked: Awaitable[_Found], about: str) -> _Found:
        """Return what *asked* does, which is *about* an aggregate, a question or something else.

        Raises:
            ProblemError: If it is not answered.
        """
        try:
            found = await asked
        except QueryArgumentError as error:
            raise _wrong(error) from None
        except MeasureRefusedError as error:
            raise _refused(error) from None
        except NotInstalledError as error:
            problem = _not_installed(error, self.described.catalog)
            self._condition.failed(problem.detail, logging.ERROR, _LINE, problem.detail, about=about)
            raise problem from None
        except QueryDatabaseError as error:
            if error.sqlstate not in _SLOW:
                passing = error.sqlstate is None or _AWAY.fullmatch(error.sqlstate) is not None
                level = logging.WARNING if passing else logging.ERROR
                self._condition.failed(f"{error}", level, _LINE, error, about="" if passing else about)
            raise database_problem(error) from None
        self._condition.worked(about, "")
        return found


_PEOPLE: Final[Mapping[str, Callable[..., Awaitable[Result]]]] = {
    "members": members_async,
    "retention": retention_async,
    "funnel": funnel_async,
}


def _too_many(most: int) -> ProblemError:
    detail = f"The answer has more than {most} rows. Ask a shorter range, or pages where there is a limit."
    return ProblemError(422, "too-many-rows", detail, parameter="limit", example="1000")


def _not_installed(error: NotInstalledError, catalog: str) -> ProblemError:
    if isinstance(error, ForeignCatalogError):
        detail = f"The database is not that of the catalog {catalog}: run `analytics-migrate doctor`."
    else:
        detail = f"The database has no tables of the catalog {catalog}: run `analytics-migrate all`."
    return ProblemError(503, "database-not-ready", detail)


def _refused(error: MeasureRefusedError) -> ProblemError:
    detail = f"{error.measure} has no right value for this question: {error.problem}. {error.remedy}"
    return ProblemError(
        422, "measure-refused", detail, parameter="measures", measure=error.measure, expected=error.remedy
    )


def _wrong(error: QueryArgumentError) -> ProblemError:
    expected = error.remedy.replace(ASK_PERSONAL, NEVER)
    detail = f"{error.parameter}: {error.problem}. {expected}"
    return ProblemError(400, "wrong-parameter", detail, parameter=error.parameter, expected=expected)


def database_problem(error: QueryDatabaseError) -> ProblemError:
    """Return the problem of a database that can't answer."""
    if error.sqlstate in _SLOW:
        return ProblemError(503, "too-slow", f"{_sentence(error.problem)} Ask a shorter range, or fewer dimensions.")
    if error.sqlstate is None or _AWAY.fullmatch(error.sqlstate):
        return ProblemError(503, "database-unavailable", _sentence(error.problem), headers=_RETRY)
    return ProblemError(503, "database-not-ready", f"{error}", headers=_RETRY)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
