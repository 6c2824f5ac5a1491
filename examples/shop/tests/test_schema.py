"""The commands that a deployment runs, and that the database is what the catalog says."""

import json

import pytest

MUTATIONS = (
    "alter table shop_events add column note text",
    "alter table shop_events drop column meta",
    "alter table shop_events alter column service type varchar(10)",
    "alter table shop_dead_letters drop column message",
    "drop view shop_reviews_weekly",
    """create or replace view shop_checkout_5min as
    select start, payment, 2 * orders as orders, declined, revenue, 0::float8 as declined_share
    from shop_checkout_5min_v1_live""",
    "alter view shop_sales_daily rename to sales",
    "drop table shop_dead_letters",
    "drop function analytics_meta.raw_floor cascade",
    "truncate analytics_meta.migrations",
)

ORDER = """
    insert into shop_events (event_id, timestamp, event_type, service, data) values (
        gen_random_uuid(), now() - interval '3 days', 'order_placed', 'web',
        '{"total": 10, "payment": "card", "delivery": {"country": "CH", "method": "parcel"}}')
"""


def test_each_step_of_a_deployment(empty):
    assert json.loads(empty.migrate("status", "--format", "json"))["pending"] == {"pre": 7, "post": 3}
    assert "create table" in empty.migrate("dry-run", "--offline", "--backend", "timescaledb")
    for command in ("all", "backfill", "refresh", "maintain", "check", "doctor", "drift", "status"):
        empty.migrate(command)


def test_an_upgrade_keeps_what_was_counted(empty):
    """The first release had no share of parcels; the second computes it for old orders, too."""
    empty.migrate("pre", code=3)  # stops before the second release, as its code is not deployed yet
    empty.migrate("post", code=3)
    empty.execute(ORDER)
    empty.migrate("refresh")
    assert empty.rows("select country, orders, revenue from shop_sales_daily") == [("CH", 1, 10)]

    empty.migrate("pre", code=3)  # the files of the library's next release come behind
    assert empty.rows("select country, orders, revenue from shop_sales_daily") == [("CH", 1, 10)]
    empty.migrate("post", code=3)
    empty.migrate("pre", code=3)
    empty.migrate("post")
    empty.migrate("pre")

    assert empty.rows("select country, orders, parcels from shop_sales_daily") == [("CH", 1, 1)]
    assert json.loads(empty.migrate("drift", "--format", "json"))["findings"] == []


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_drift_sees_what_was_changed_by_hand(database, mutation):
    assert json.loads(database.migrate("drift", "--format", "json"))["findings"] == []
    database.execute(mutation)
    assert json.loads(database.migrate("drift", "--format", "json", code=6))["findings"]
