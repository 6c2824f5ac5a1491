"""From the client to the aggregates, on a real database."""

import json
from datetime import UTC, datetime, timedelta

from adi_analytics import AnalyticsClient
from checkout import place_order
from shop_events import CATALOG, Complaint, OrderReturned, Payment, ProductViewed, ReviewWritten

HOUR = timedelta(hours=1)


def test_events_are_in_the_table_as_the_catalog_says(database, ada, shoe):
    with AnalyticsClient.connect(database.dsn, service="web", catalog=CATALOG, hash_key="secret") as client:
        order = place_order(client, ada, [shoe])
    ((kind, user, service, data),) = database.rows("select event_type, user_id, service, data from shop_events")
    assert (kind, user, service) == ("order_placed", ada.id, "web")
    assert data["order_id"] == str(order)
    assert data["lines"] == [{"product_id": "SH-0001", "quantity": 1, "price": 59.5}]  # engraving: store: drop
    assert data["delivery"] == {"country": "CH", "method": "parcel"}  # street: store: drop
    assert len(data["email"]) == 64  # store: hash


def test_aggregates_count_at_once(database, ada, shoe):
    now = datetime.now(UTC)
    with AnalyticsClient.connect(database.dsn, service="web", catalog=CATALOG) as client:
        place_order(client, ada, [shoe])
        place_order(client, ada, [shoe, shoe], Payment.INVOICE)
        client.track(ReviewWritten(customer_id=ada.id, product_id="SH-0001", stars=4), timestamp=now)
        client.track(
            OrderReturned(
                customer_id=ada.id, order_id=ada.id, lines=(), reasons=(Complaint.SIZE, Complaint.LATE), refund=59.5
            ),
            timestamp=now,
        )
    query = "select payment, sum(orders), sum(revenue) from shop_checkout_5min group by 1 order by 1"
    assert database.rows(query) == [("card", 1, 59.5), ("invoice", 1, 119.0)]
    query = "select sum(orders), max(customers), sum(parcels), min(parcel_share) from shop_sales_daily"
    assert database.rows(query) == [(2, 1, 2, 1.0)]
    query = "select reviews, avg_stars, reviewers, returns, refunds from shop_reviews_weekly"
    assert database.rows(query) == [(1, 4.0, 1, 1, 59.5)]


def test_late_events_reach_the_aggregates(database, ada):
    """They come after their bucket was stored: the worker marks them, and `maintain` counts them."""
    then = datetime.now(UTC) - 26 * HOUR
    review = ReviewWritten(customer_id=ada.id, product_id="SH-0001", stars=5)
    total = "select coalesce(sum(reviews), 0)::int from shop_reviews_weekly"
    with AnalyticsClient.connect(database.dsn, service="web", catalog=CATALOG) as client:
        client.track(review, timestamp=then - 21 * 24 * HOUR)
    database.migrate("refresh")
    assert database.rows(total) == [(1,)]

    with AnalyticsClient.connect(database.dsn, service="web", catalog=CATALOG) as client:
        client.track(review, timestamp=then - 21 * 24 * HOUR)
        client.track(review, timestamp=then)
    database.migrate("maintain")

    assert database.rows(total) == [(3,)]


def test_dead_letters_are_listed_and_replayed(database, ada, shoe):
    database.execute("alter table shop_events add constraint closed check (service <> 'web')")
    with AnalyticsClient.connect(database.dsn, service="web", catalog=CATALOG, hash_key="secret") as client:
        place_order(client, ada, [shoe])
    (letter,) = json.loads(database.migrate("dead-letters", "list", "--format", "json"))["letters"]
    assert (letter["event_type"], letter["sqlstate"]) == ("order_placed", "23514")

    database.execute("alter table shop_events drop constraint closed")
    database.migrate("dead-letters", "replay")

    assert database.rows("select sum(orders)::int from shop_sales_daily") == [(1,)]


def test_dead_letters_in_a_file_are_imported(database, tmp_path):
    """Where their table is missing, too, dead letters go to a file."""
    file = tmp_path / "letters.jsonl"
    database.execute("alter table shop_dead_letters rename to away")
    with AnalyticsClient.connect(database.dsn, service="web", catalog=CATALOG, dead_letter_file=str(file)) as client:
        client.track(ProductViewed(product_id="no product", labels=()))
    assert len(file.read_text().splitlines()) == 1
    database.execute("alter table away rename to shop_dead_letters")

    database.migrate("dead-letters", "import", str(file))

    (letter,) = json.loads(database.migrate("dead-letters", "list", "--format", "json"))["letters"]
    assert (letter["event_type"], letter["reason"]) == ("product_viewed", "invalid_event")
    assert not file.exists()
