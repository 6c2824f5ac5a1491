"""A small catalog on ClickHouse for the migrator's tests: its project, its database, and commands on them."""

from __future__ import annotations

import copy
import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adi_analytics import migrate
from adi_analytics_codegen.cli.main import main as codegen

from support.clickhouse.databases import ask
from support.migrating import Ran, run

if TYPE_CHECKING:
    from pathlib import Path

_REFRESH = {"every": "1 hour", "window": "3 days", "lag": "1 hour"}
CATALOG: dict[str, Any] = {
    "catalog": {"format": 2, "name": "small", "owner": "me", "outputs": ["python", "sql", "clickhouse"]},
    "domains": {"web": "The site."},
    "storage": {"table": "web_events", "retention": "90 days"},
    "events": {
        "page_view": {
            "domain": "web",
            "description": "A page was shown.",
            "fields": {
                "page": {"type": "string", "description": "Which."},
                "took": {"type": "int", "description": "How long, in ms."},
            },
        },
    },
    "aggregates": {
        "pages_hourly": {
            "description": "Pages by hour.",
            "from": ["page_view"],
            "bucket": {"as": "hour", "width": "1 hour"},
            "dimensions": {"page": "page"},
            "measures": {"views": {"count": True}, "slow": {"percentile": 0.9, "of": "took"}},
            "refresh": _REFRESH,
        },
        "users_daily": {
            "description": "Users by day.",
            "from": ["page_view"],
            "bucket": {"as": "day", "width": "1 day"},
            "measures": {
                "users": {"distinct": "$user_id"},
                "weekly": {"distinct": "$user_id", "trailing": "7 days"},
            },
            "refresh": _REFRESH,
        },
    },
}


@dataclass
class Small:
    """A project with the small catalog, and a database of ClickHouse."""

    folder: Path
    url: str
    document: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(CATALOG))

    @property
    def dsn(self) -> str:
        return self.url.replace("http", "clickhouse", 1)

    def generate(self) -> None:
        """Write the catalog, and all that is made from it."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "events.yaml").write_text(json.dumps(self.document), encoding="utf-8")
        assert codegen(["generate", "--project", str(self.folder)]) == 0

    def new(self, *arguments: str) -> Ran:
        self.generate()
        return run("new", "--project", self.folder, *arguments)

    def run(self, command: str, *arguments: str) -> Ran:
        return run(command, *arguments, "--project", self.folder, "--database-url", self.dsn)

    def options(self, **more: Any) -> migrate.Options:
        return migrate.Options(database_url=self.dsn, project=self.folder, **more)

    def ask(self, query: str, **parameters: Any) -> list[list[Any]]:
        answer = ask(self.url, query, default_format="JSONCompactEachRow", **parameters)
        return [json.loads(line) for line in answer.splitlines()]

    def value(self, query: str) -> Any:
        return self.ask(query)[0][0]

    def insert(self, *at: datetime, page: str = "/", user: int = 1) -> None:
        """Store an event at each moment."""
        lines = [
            json.dumps({
                "timestamp": f"{moment:%Y-%m-%d %H:%M:%S.%f}", "event_type": "page_view", "service": "web",
                "user_id": str(uuid.UUID(int=user)), "data": json.dumps({"page": page, "took": 7}),
                "event_id": str(uuid.uuid4()), "meta": "{}",
            })
            for moment in at
        ]  # fmt: skip
        ask(self.url, "insert into web_events format JSONEachRow", "\n".join(lines).encode())

    def views(self) -> int:
        """Return how many views the aggregate by hour has counted."""
        return int(self.value("select sum(views) from pages_hourly"))

    def stored(self) -> int:
        """Return how many views are stored in rows that count."""
        return int(
            self.value(
                "select sum(views) from pages_hourly_v1 where (hour, _version) in (select bucket, max(version)"
                " from analytics_meta_buckets where rollup = 'pages_hourly_v1' group by bucket)"
            )
        )

    def findings(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what drift finds, but for what is worth knowing only."""
        found: list[dict[str, Any]] = self.run("drift", "--format", "json", *arguments).json["findings"]
        return [one for one in found if one["severity"] != "info"]


def ago(**span: float) -> datetime:
    """Return the moment so long before now."""
    return datetime.now(UTC) - timedelta(**span)
