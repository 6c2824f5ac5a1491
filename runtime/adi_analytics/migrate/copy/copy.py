"""``copy``: brings the events that are missing from one database to the other, and proves that they are there."""

from __future__ import annotations

import time

from adi_analytics._shared.clickhouse.address import is_clickhouse
from adi_analytics._shared.conninfo import ConninfoInvalidError, resolve_conninfo
from adi_analytics.migrate.copy.opened import sides
from adi_analytics.migrate.copy.result import CopyOptions, CopyResult
from adi_analytics.migrate.copy.run import Run
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.options import Options, check_times


def copy(source: str, target: str, options: Options | None = None, *, how: CopyOptions | None = None) -> CopyResult:
    """Copy the events that *target* has not from *source*, and compare both; one is a PostgreSQL, one a ClickHouse.

    Nothing is kept of a run but the events themselves, so a run that ended early is continued by the same call. Only
    missing events are added; nothing is changed or deleted on either side.

    Args:
        source: The URL of the database that has the events.
        target: The URL of the one that is to have them. Its tables must be there.
        options: Says the catalog, by its migrations, and who is told what happens.
        how: The time, and whether only to compare.

    Raises:
        UsageError: If a URL can't be read, if they are not of one PostgreSQL and one ClickHouse, or if the time is
            empty.
        DatabaseUnreachableError: If there is no connection, or if it is lost.
        HistoryError: If a table is not there.
        UnsuitableDatabaseError: If a table is another one than the catalog's.
        ClickhouseFailedError: If ClickHouse refuses a statement.
    """
    options, how = options or Options(), how or CopyOptions()
    check_times(since=how.since, until=how.until)
    began = time.monotonic()
    _check_url("from", source)
    _check_url("to", target)
    if is_clickhouse(source) == is_clickhouse(target):
        raise UsageError(
            "the copy is between a PostgreSQL and a ClickHouse",
            "Give one URL like postgresql://user@host/database, and one like clickhouse://user@host:8123/database.",
            setting="from",
        )
    with sides(source, target, options) as (left, right):
        result = Run(left, right, how, options.progress).run()
    result.seconds = time.monotonic() - began
    return result


def _check_url(setting: str, url: str) -> None:
    # An empty one, of a variable that is not set, would be taken for the database of the environment.
    if not url.strip():
        raise UsageError(f"--{setting} is empty", "Give the URL of a database.", setting=setting)
    try:
        resolve_conninfo(url, clickhouse=True)
    except ConninfoInvalidError as error:
        raise UsageError(
            f"the URL of --{setting} cannot be read: {error.problem}",
            "It is not repeated here, because it may hold a password.",
            setting=setting,
        ) from error
