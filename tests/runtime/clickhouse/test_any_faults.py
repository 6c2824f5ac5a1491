"""Faults of all kinds in any order, while events stream: every event has its one fate, and none is stored twice."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.clickhouse.proxy import Answer, FaultyProxy
from support.clickhouse.tables import ClickhouseTables
from support.runtime import balanced, running, settled, task
from support.runtime.samples import error

if TYPE_CHECKING:
    from pathlib import Path

    from support.clickhouse.databases import ClickhouseDatabases

# None that is about rows, after which they are sent in halves.
FAULTS: list[Any] = ["cut before", "cut after", *(Answer(500, code) for code in (202, 242, 252, 999)), Answer(502)]
ROUNDS = 30


@pytest.mark.parametrize(("kind", "spool"), [("thread", "overflow"), ("asyncio", "always"), ("thread", "off")])
def test_faults_in_any_order_lose_nothing(
    clickhouse_databases: ClickhouseDatabases, kind: str, spool: str, tmp_path: Path
) -> None:
    chance = random.Random(spool)
    options: dict[str, Any] = {"retry_base": 0.001, "retry_cap": 0.01, "spool": spool, "spool_dir": str(tmp_path)}
    tracked = 0
    with ClickhouseTables.create(clickhouse_databases, window=1000) as made, FaultyProxy(made.url) as proxy:
        made.execute("alter table analytics_events add constraint no_bad check position(data, '\"bad\"') = 0")
        with running(kind, proxy.dsn, **options) as client:
            for number in range(ROUNDS):
                for _ in range(chance.randrange(60)):
                    client.track(task(tracked))
                    tracked += 1
                if number % 20 == 0:
                    client.track(error("bad"))
                proxy.fail(*chance.choices(FAULTS, k=chance.randrange(4)))
                if number % 15 == 7:
                    proxy.stop()
                    time.sleep(0.02)
                    proxy.start()
                time.sleep(0.01)
                balanced(client)
            proxy.faults.clear()
            stats = settled(client, lambda stats: stats.pending == stats.spooled == 0, timeout=120)
            assert (stats.delivered, stats.dead_lettered, stats.dropped) == (tracked, 2, 0)
        made.assert_numbers(tracked)
        # Without FINAL, too: the table knew each insert that it was sent again.
        assert made.execute("select count() from analytics_events") in ([[tracked]], [[str(tracked)]])
        assert made.letters() == [("application_error", "row_rejected", "469")] * 2
