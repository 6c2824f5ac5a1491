"""The part of a shop that tracks: what your own code could look like."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from adi_analytics import AnalyticsClient
from shop_events import DeliveryMethod, OrderPlaced, OrderPlacedDelivery, OrderPlacedLines, Payment, PaymentDeclined


@dataclass(frozen=True)
class Customer:
    """Who orders."""

    id: uuid.UUID
    email: str
    country: str
    street: str


@dataclass(frozen=True)
class Shoe:
    """What is ordered."""

    product_id: str
    price: float
    engraving: str | None = None


def place_order(
    client: AnalyticsClient, customer: Customer, shoes: list[Shoe], payment: Payment = Payment.CARD
) -> uuid.UUID:
    """Place an order, and say so."""
    order_id = uuid.uuid4()
    client.track(
        OrderPlaced(
            customer_id=customer.id,
            order_id=order_id,
            lines=tuple(
                OrderPlacedLines(product_id=shoe.product_id, quantity=1, price=shoe.price, engraving=shoe.engraving)
                for shoe in shoes
            ),
            email=customer.email,
            payment=payment,
            total=sum(shoe.price for shoe in shoes),
            delivery=OrderPlacedDelivery(
                country=customer.country, method=DeliveryMethod.PARCEL, street=customer.street
            ),
        )
    )
    return order_id


def decline_payment(client: AnalyticsClient, customer: Customer, order_id: uuid.UUID, why: str) -> None:
    """Decline a payment by card, and say so."""
    client.track(PaymentDeclined(customer_id=customer.id, order_id=order_id, payment=Payment.CARD, decline=why))
