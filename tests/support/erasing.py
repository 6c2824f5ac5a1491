"""A PostgreSQL and two ClickHouse databases of one catalog, and what a person and others leave there."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import yaml
from adi_analytics import migrate
from adi_analytics._engine.rows.store_policy import keyed_hash
from adi_analytics_codegen.cli.main import main as codegen

from support import text_ids
from support.clickhouse.databases import ask
from support.migrating import connect, run
from support.paths import EXAMPLES, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KEY: Final = "k" * 32
EMAIL: Final = "ada@example.org"
OUTPUTS: Final = ["python", "sql", "clickhouse"]
PACKAGES: Final = ("shop_events", "store_events", "texts_events", "quotes_events")

Event = tuple[datetime, str, str | None, dict[str, Any], dict[str, Any]]
"""Time, type, user, data and meta."""

_LINE: Final = {"product_id": "SH-0001", "quantity": 2, "price": 59.9, "engraving": "x"}
_PRODUCT: Final = {"product_id": "P-1", "price": 19, "quantity": 1}
_NOW: Final = datetime.now(UTC).replace(microsecond=361_630)  # PostgreSQL writes no zero at the end


@dataclass(frozen=True)
class Catalog:
    """A catalog, and how a user appears in its events.

    Attributes:
        events: Its events that are stored, by day one of each.
        data: What is in each of them, where ``{id}`` is the user.
        owned: What is in an event of nobody that names the user elsewhere, and its type.
    """

    name: str
    table: str
    events: tuple[str, ...]
    data: dict[str, Any]
    owned: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...]
    text_ids: bool = False


CATALOGS: Final = {
    "platform": Catalog(
        "platform",
        "analytics_events",
        ("task_created", "task_started", "task_completed", "api_request", "auth_login_attempt"),
        {"task_id": "{thing}", "exit_code": 0, "duration_ms": 17, "success": True, "endpoint": "/", "method": "GET"},
        (
            ("application_error", {"error_type": "E", "error_message": "no user {ID}"}, {}),
            ("application_error", {"error_type": "F", "seen_by": "{hash}"}, {}),
            ("application_error", {"error_type": "for {id}"}, {}),
            ("api_request", {"endpoint": "/"}, {"context": {"on_behalf_of": "{hex}"}}),
            ("auth_login_attempt", {"email": "{email}", "success": False}, {}),
        ),
    ),
    "shop": Catalog(
        "shop",
        "shop_events",
        ("product_viewed", "cart_updated", "order_placed", "payment_declined", "review_written", "order_returned"),
        {
            "customer_id": "{id}", "order_id": "{thing}", "product_id": "SH-0001", "payment": "card", "total": 59.9,
            "delivery": {"country": "CH", "method": "parcel"}, "lines": [_LINE], "stars": 5, "refund": 1.5,
        },
        (("stock_counted", {"counts": [[1], ["{id}"]]}, {}), ("order_placed", {"email": "{email}"}, {})),
    ),
    "store": Catalog(
        "store",
        "store_events",
        ("Product Viewed", "Product Added", "Order Completed", "Order Refunded"),
        {
            "userId": "{id}", "anonymousId": "{thing}", "order_id": "{thing}", "currency": "USD", "total": 25,
            "products": [_PRODUCT, _PRODUCT], **_PRODUCT,
        },
        (("Product Viewed", {"anonymousId": "{id}", "product_id": "P-1"}, {}),),
        text_ids=True,
    ),
    "quotes": Catalog(
        "quotes",
        "analytics_events",
        ("said", "heard"),
        {"who": "{id}", "words": "{thing}", "thing": "all"},
        (
            ("said", {"who": "{id}", "words": "of {id}"}, {}),
            ("said", {"words": "{hash}"}, {}),
            ("said", {"words": "z {ID} z"}, {}),
        ),
    ),
    "texts": Catalog(
        "texts",
        "analytics_events",
        ("seen", "bought"),
        {"userId": "{id}", "page": "web", "thing": "{thing}"},
        (
            ("seen", {"owner.id": "{id}"}, {}),
            ("seen", {"page": "home"}, {"context": {"owner.id": "{id}"}}),
            ("bought", {"userId": ["x", "{id}"]}, {}),
        ),
        text_ids=True,
    ),
}  # fmt: skip


_DAY: Final = {"as": "day", "width": "1 day"}
_TEXT: Final = {"type": "string", "optional": True, "description": "What."}
_SAYING: Final = {
    "domain": "d",
    "description": "It was said.",
    "fields": {
        "who": {"type": "uuid", "optional": True, "description": "Who.", "sensitivity": "pseudonymous"},
        "words": _TEXT,
        "thing": _TEXT,
    },
}
QUOTES: Final[dict[str, Any]] = {
    "catalog": {"format": 2, "name": "quotes", "owner": "me"},
    "domains": {"d": "All."},
    "events": {"said": _SAYING, "heard": _SAYING},
    "entities": {"$user_id": {}, "thing": {"field": "thing"}},
    "aggregates": {
        "said_daily": {
            "description": "What was said.",
            "from": ["said"],
            "bucket": _DAY,
            "dimensions": {"words": "words"},
            "measures": {"times": {"count": True}, "first": {"first": "who"}, "least": {"min": "words"}},
            "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
        },
        "speakers_daily": {
            "description": "Who spoke.",
            "from": ["said"],
            "bucket": _DAY,
            "measures": {"times": {"count": True}, "last": {"last": "who"}, "most": {"max": "words"}},
            "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
        },
    },
    "funnels": {
        "saying": {
            "description": "To say it twice.",
            "entity": "thing",
            "within": "1 day",
            "bucket": _DAY,
            "dimension": "who",
            "steps": {"said": "said", "heard": "heard"},
        }
    },
}
"""A catalog whose aggregates quote who was in an event, in columns of each kind."""


def told(value: Any, names: dict[str, str]) -> Any:
    """Return *value* with the *names* in its texts."""
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(f"{{{name}}}", text)
        return value
    if isinstance(value, dict):
        return {key: told(inner, names) for key, inner in value.items()}
    return [told(inner, names) for inner in value] if isinstance(value, list) else value


def events_of(catalog: Catalog, user: str, number: int, days: Sequence[int] = (1, 2, 12, 20)) -> Iterator[Event]:
    """Yield the events of a *user*; *number* tells the users apart."""
    names = {"id": user, "ID": user.upper(), "hex": user.replace("-", ""), "hash": keyed_hash(KEY, user)}
    names |= {"email": EMAIL if number == 0 else f"{number}@example.org"}
    for day in days:
        at = _NOW - timedelta(days=day, hours=2) + timedelta(seconds=number)
        for step, kind in enumerate(catalog.events):
            thing = _id(f"{number} {day} {step}")
            yield at + timedelta(minutes=step), kind, user, told(catalog.data, {**names, "thing": thing}), {}
    for step, (kind, data, meta) in enumerate(catalog.owned):
        at = _NOW - timedelta(days=12) + timedelta(seconds=number, minutes=step)
        yield at, kind, None, told(data, names), told(meta, names)


def letters_of(catalog: Catalog, user: str, others: str) -> list[tuple[str, str]]:
    """Return two dead letters of a *user*, as message and payload, and one of *others*."""
    row = {"data": {"a": 1}, "meta": {}}
    named = ("n", user) if catalog.text_ids else (f"id {user}", others)  # a text may be another thing's name
    return [
        ("m", json.dumps({"user_id": user, **row})),
        (named[0], json.dumps({"user_id": named[1], **row})),
        ("m", json.dumps({"user_id": others, **row})),
    ]


@dataclass
class Both:
    """The databases: a PostgreSQL, a ClickHouse, and a ClickHouse that never had the person."""

    catalog: Catalog
    project: Path
    postgres: str
    clickhouse: str
    never: str
    letters: str = field(init=False)

    def __post_init__(self) -> None:
        self.letters = self.catalog.table.replace("_events", "_dead_letters")

    def options(self, name: str) -> migrate.Options:
        return migrate.Options(database_url=self.url(name), project=self.project)

    def url(self, name: str) -> str:
        found: str = getattr(self, name)
        return found.replace("http", "clickhouse", 1)

    def run(self, name: str, command: str, *arguments: str) -> Any:
        ran = run(command, *arguments, "--project", self.project, "--database-url", self.url(name))
        assert ran.code == 0, ran.err
        return ran

    def insert(self, name: str, events: Sequence[Event]) -> None:
        rows = [
            (
                at,
                kind,
                "s",
                user,
                json.dumps(data),
                _id(f"{at} {user}"),
                json.dumps(meta),
            )
            for at, kind, user, data, meta in events
        ]
        if name == "postgres":
            columns = '"timestamp", event_type, service, user_id, data, event_id, meta'
            with connect(self.postgres) as connection, connection.cursor() as cursor:
                cursor.executemany(
                    f"insert into {self.catalog.table} ({columns}) values (%s, %s, %s, %s, %s, %s, %s)".encode(), rows
                )
            return
        names = ("timestamp", "event_type", "service", "user_id", "data", "event_id", "meta")
        self._store(name, self.catalog.table, [dict(zip(names, (_moment(at), *row), strict=True)) for at, *row in rows])

    def refuse(self, name: str, given: Sequence[tuple[str, str]]) -> None:
        """Store dead letters, *given* as message and payload."""
        kind = self.catalog.events[0]
        letters = [(_id(message + payload), message, payload) for message, payload in given]
        if name == "postgres":
            with connect(self.postgres) as connection, connection.cursor() as cursor:
                cursor.executemany(
                    f"insert into {self.letters} (event_id, event_type, reason, message, library_version, payload)"
                    f" values (%s, '{kind}', 'refused', %s, '1', %s)".encode(),
                    letters,
                )
            return
        rows = [
            {
                "created_at": _moment(_NOW), "event_id": one, "event_type": kind, "reason": "refused",
                "message": message, "library_version": "1", "payload": payload,
            }
            for one, message, payload in letters
        ]  # fmt: skip
        self._store(name, self.letters, rows)

    def _store(self, name: str, table: str, rows: Sequence[dict[str, Any]]) -> None:
        lines = "\n".join(map(json.dumps, rows)).encode()
        ask(getattr(self, name), f"insert into {table} format JSONEachRow", lines)

    def ask(self, name: str, query: str) -> list[list[Any]]:
        """Return the rows of a ClickHouse."""
        answer = ask(getattr(self, name), query, default_format="JSONCompactEachRow")
        return [json.loads(line) for line in answer.splitlines()]

    def tables(self, name: str, kind: str) -> list[str]:
        """Return the tables of a ClickHouse whose engine is like *kind*, but for views that want parameters."""
        found = self.ask(
            name,
            "select name from system.tables where database = currentDatabase() and name not like '%\\_rows'"
            f" and engine like '{kind}' order by name",
        )
        return [table for (table,) in found]

    def traces(self, *texts: str, name: str = "clickhouse") -> list[str]:
        """Return the tables and views of a ClickHouse that show one of *texts*."""
        needles = [one.encode() for text in texts for one in (text, json.dumps(text)[1:-1])]
        shown = {
            table: ask(getattr(self, name), f"select * from `{table}`", default_format="TSVRaw").lower()
            for table in self.tables(name, "%")
        }
        return [table for table, rows in shown.items() if any(needle.lower() in rows for needle in needles)]

    def shown(self, name: str) -> dict[str, list[list[Any]]]:
        """Return what the views of a ClickHouse show."""
        return {view: self.ask(name, f"select * from `{view}` order by all") for view in self.tables(name, "View")}


def _id(text: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, text))


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


@contextlib.contextmanager
def project(name: str, folder: Path) -> Iterator[Path]:
    """Make the project of a catalog, with migrations for both databases; what is imported of it is forgotten."""
    if name == "platform":
        yield ROOT
        return
    document = {"texts": text_ids.DOCUMENT, "quotes": QUOTES}.get(name)
    if document is None:
        source = EXAMPLES / {"store": "ecommerce"}.get(name, name) / "events.yaml"
        document = yaml.load(source.read_text(encoding="utf-8"), yaml.CSafeLoader)
    document = {**document, "catalog": {**document["catalog"], "outputs": OUTPUTS}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.yaml").write_text(json.dumps(document, default=str), encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        assert codegen(["generate", "--project", str(folder)]) == 0
    assert run("new", "--project", folder).code == 0
    path = list(sys.path)
    try:
        yield folder
    finally:
        sys.path[:] = path
        for one in [one for one in sys.modules if one.partition(".")[0] in PACKAGES]:
            del sys.modules[one]
