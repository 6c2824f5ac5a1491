"""What the shop tracks. Nothing here needs a database."""

import pytest
from adi_analytics import AnalyticsClient, InvalidEventError
from checkout import Shoe, decline_payment, place_order
from shop_events import CATALOG, OrderPlaced, PaymentDeclined


def test_an_order_is_tracked(analytics_events, ada, shoe):
    client, _config = AnalyticsClient.create(service="web", catalog=CATALOG)
    order = place_order(client, ada, [shoe, shoe])
    decline_payment(client, ada, order, "no_funds")
    (placed,) = analytics_events.of_type(OrderPlaced)
    assert (placed.total, placed.delivery.country, len(placed.lines)) == (119.0, "CH", 2)
    (declined,) = analytics_events.of_type(PaymentDeclined)
    assert declined.order_id == order


@pytest.mark.usefixtures("analytics_events")
def test_an_event_that_breaks_the_catalog_fails_where_it_is_tracked(ada):
    client, _config = AnalyticsClient.create(service="web", catalog=CATALOG)
    with pytest.raises(InvalidEventError, match="product_id"):
        place_order(client, ada, [Shoe("no product", 1.0)])
