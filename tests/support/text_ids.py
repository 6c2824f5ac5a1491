"""A project whose users have texts as ids, and ids that are hard to quote, to compare and to tell apart."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adi_analytics import migrate
from adi_analytics_codegen.cli.main import main as codegen

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTED: Final = 'o\'brien "x" $$ %_\\'
SPACED: Final = "  a  b\tc "
UNICODE: Final = "Ünï\u2013😀/日本"
LONG: Final = "É" * 1000
UUID: Final = "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01"
CAPITALS: Final = UUID.upper()
PAGE: Final = "web"
"""An id that is also the name of a page, of a thing and of a service."""

IDS: Final = (QUOTED, SPACED, UNICODE, LONG, UUID, CAPITALS, PAGE)

_DAY: Final = {"as": "day", "width": "1 day"}
_TEXT: Final = {"type": "string", "optional": True, "description": "A text."}
_EVENT: Final = {
    "domain": "d",
    "description": "It happened.",
    "columns": {"user_id": "user"},
    "fields": {
        "user": {**_TEXT, "wire": "userId", "sensitivity": "pseudonymous", "max_length": 2000},
        "owner": {**_TEXT, "wire": "owner.id", "sensitivity": "pseudonymous"},
        "page": _TEXT,
        "thing": _TEXT,
    },
}
DOCUMENT: Final[dict[str, Any]] = {
    "catalog": {"format": 2, "name": "texts", "owner": "me", "user_id": "string", "outputs": ["python", "sql"]},
    "domains": {"d": "All."},
    "events": {"seen": _EVENT, "bought": _EVENT},
    "aggregates": {
        "pages_daily": {
            "description": "Pages.",
            "from": "all",
            "bucket": _DAY,
            "dimensions": {"page": "page"},
            "measures": {
                "seen": {"count": True},
                "users": {"distinct": "$user_id", "mergeable": True},
                "weekly_users": {"distinct": "$user_id", "trailing": "7 days"},
                "weekly_things": {"distinct": "thing", "trailing": "7 days"},
            },
            "refresh": {"every": "1 hour", "window": "3 days", "lag": "1 hour"},
        }
    },
    "entities": {"$user_id": {}, "thing": {"field": "thing"}},
    "retention": {"comebacks": {"description": "Back.", "start": "any", "return": "any", "bucket": _DAY, "periods": 3}},
    "funnels": {
        "buying": {
            "description": "To buy.",
            "within": "1 day",
            "bucket": _DAY,
            "steps": {"seen": "seen", "bought": "bought"},
        },
        "things_bought": {
            "description": "Things.",
            "entity": "thing",
            "within": "1 day",
            "bucket": _DAY,
            "dimension": "$user_id",
            "steps": {"seen": "seen", "bought": "bought"},
        },
    },
}


@contextlib.contextmanager
def project(folder: Path) -> Iterator[Path]:
    """Make the project in *folder*, with its first migrations; what is imported of it is forgotten afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "events.yaml").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    assert codegen(["generate", "--project", str(folder)]) == 0
    migrate.new(migrations=folder / "migrations", manifest=folder / "generated" / "sql" / "manifest.json")
    path = list(sys.path)
    try:
        yield folder
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if name.partition(".")[0] == "texts_events"]:
            del sys.modules[name]
