"""What `dead-letters list --payload` shows of a letter."""

from __future__ import annotations

import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from adi_analytics.migrate import UsageError
from adi_analytics.migrate.upkeep.payload import Payloads

FIELDS = {
    "plain": None,
    "token": None,
    "place": None,
    "place.pin": "code.word",  # its name in JSON
    "visits": None,
    "visits.search": None,
    "visits.inner": None,
}
SECRET = {"token", "place.pin", "visits.search"}


def info(_event: object) -> dict[str, Any]:
    return {
        path: SimpleNamespace(wire=wire, sensitivity="secret" if path in SECRET else "personal")
        for path, wire in FIELDS.items()
    }


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Any:
    package = ModuleType("payload_events")
    package.__dict__["field_info"] = info
    monkeypatch.setitem(sys.modules, "payload_events", package)
    return SimpleNamespace(package="payload_events", events={"page view": object})


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"type": "page view", "plain": [1, "a", None]}, {"type": "page view", "plain": [1, "a", None]}),
        ({"token": "SECRET"}, {"token": "(secret)"}),
        ({"token": {"a": ["SECRET"]}}, {"token": "(secret)"}),
        ({"place": {"code.word": "SECRET"}}, {"place": {"code.word": "(secret)"}}),
        ({"place": [{"code.word": "SECRET"}, 1]}, {"place": [{"code.word": "(secret)"}, 1]}),
        # In a map, and where a key of the map is called like a field.
        ({"visits": {"a.example": {"search": "SECRET"}}}, {"visits": {"a.example": {"search": "(secret)"}}}),
        ({"visits": {"inner": {"search": "SECRET"}}}, {"visits": {"inner": {"search": "(secret)"}}}),
        ({"visits": {"a": {"inner": {"search": "SECRET"}}}}, {"visits": {"a": {"inner": {"search": "(secret)"}}}}),
        ({"tokens": "SECRET"}, {"tokens": "(not in the catalog)"}),
        ("SECRET", "(not readable)"),
    ],
)
def test_what_is_secret_is_not_shown(catalog: Any, data: Any, shown: Any) -> None:
    found = Payloads(catalog).shown(json.dumps({"event_type": "page view", "data": data}))

    assert found == {"event_type": "page view", "data": shown}
    assert "SECRET" not in json.dumps(found)


def test_of_an_unknown_event_no_value_is_shown(catalog: Any) -> None:
    found = Payloads(catalog).shown(json.dumps({"event_type": "older", "data": {"token": "SECRET"}}))

    assert found["data"] == {"token": "(not in the catalog)"}


@pytest.mark.parametrize("text", ["", "SECRET", "[1]", "{}", '{"data": {}}', "[" * 100_000])
def test_what_cannot_be_read_is_not_shown(catalog: Any, text: str) -> None:
    assert Payloads(catalog).shown(text) == "(not readable)"


def test_every_value_can_be_written(catalog: Any) -> None:
    row = {"event_type": "page view", "data": {"plain": ["\ud800", "\0", 2**70, float("nan"), True]}}

    found = Payloads(catalog).shown(json.dumps(row))

    assert msgspec.json.decode(msgspec.json.encode(found))["data"]["plain"] == ["\\ud800", "\0", str(2**70), None, True]


def test_an_old_package_does_not_know_what_is_secret(catalog: Any) -> None:
    del sys.modules["payload_events"].__dict__["field_info"]

    with pytest.raises(UsageError, match="does not say which fields are secret"):
        Payloads(catalog)
