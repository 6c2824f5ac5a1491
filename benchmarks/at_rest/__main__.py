"""Measures the bytes that an event takes at rest, and what a refresh costs a row; writes docs/benchmarks-at-rest.md.

Examples:
  nox -s bench                        everything (with the other benchmarks)
  python benchmarks/at_rest --quick   few events, printed only: shows that it works

It runs on an embedded PostgreSQL, and on TimescaleDB if ADI_ANALYTICS_BENCH_TIMESCALE_DSN names a server where it may
make a database. The events are those of the demo, with the time of each in its id, as a live client has it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from adi_analytics import embedded

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "demo"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from backends import Figures, measure_plain, measure_timescale
from databases import empty_database, timescale_server, version
from load import events_file
from page import page

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks-at-rest.md"
EVENTS, DAYS = 200_000, 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few events, and no page is written")
    quick = parser.parse_args().quick
    count = EVENTS // 100 if quick else EVENTS
    until = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    versions: list[str] = []
    found: list[Figures] = []
    with ExitStack() as stack:
        # The server's own files stay on disk: this measures them.
        plain = stack.enter_context(embedded.start_server()).dsn
        events = events_file(plain, count, DAYS, until, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        server = timescale_server()
        # On the same server where there is one: the wheel's PostgreSQL has no lz4.
        same = empty_database(server or plain, stack)
        versions.append(version(same))
        found += measure_plain(same, events)
        if server:
            dsn = empty_database(server, stack, extension=True)
            versions.append(version(dsn))
            found += measure_timescale(dsn, events)
    text = page(found, versions, count, DAYS)
    print(text)
    if not quick:
        PAGE.write_text(text, encoding="utf-8")


main()
