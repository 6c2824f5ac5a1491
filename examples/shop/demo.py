"""A week of a shop on a private PostgreSQL: the migrations, orders, and the sales as a table.

Run it with `nox -s demo`.
"""

import random
import uuid

import psycopg
from adi_analytics import AnalyticsClient, embedded, migrate
from checkout import Customer, Shoe, decline_payment, place_order
from rich.console import Console
from rich.table import Table
from shop_events import CATALOG

QUERY = """
    select payment, sum(orders) as orders, sum(declined) as declined, sum(revenue) as revenue
    from shop_checkout_5min group by payment order by payment
"""
console = Console()


def main() -> None:
    with embedded.start_server() as server:
        applied = migrate.apply(options=migrate.Options(database_url=server.dsn))
        console.print(f"1. {len(applied.applied)} migrations applied to a private PostgreSQL")
        console.print(f"2. {send(server.dsn)} events sent to the table {CATALOG.table}")
        console.print("3. The checkout, by kind of payment:")
        show(server.dsn)


def send(dsn: str) -> int:
    """Send what some customers do."""
    chance = random.Random(1)
    with AnalyticsClient.connect(dsn, service="demo", catalog=CATALOG, hash_key="demo") as client:
        for _ in range(500):
            customer = Customer(uuid.uuid4(), "ada@example.org", chance.choice(["CH", "DE"]), "Main Street 1")
            shoes = [Shoe(f"SH-{chance.randint(1, 99):04}", chance.randint(30, 200))] * chance.randint(1, 2)
            order = place_order(client, customer, shoes)
            if chance.random() < 0.1:
                decline_payment(client, customer, order, "no_funds")
    return client.stats().delivered


def show(dsn: str) -> None:
    """Print what the aggregate says."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(QUERY)
        table = Table(*(column.name for column in rows.description or ()))
        for row in rows:
            table.add_row(*map(str, row))
    console.print(table)


if __name__ == "__main__":
    main()
