"""Values that JSON or PostgreSQL can't hold are refused where bad values are, and hostile events harm nobody."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
from adi_analytics import AnalyticsClient, AnalyticsWorker, InvalidEventError, analytics_context, events
from adi_analytics_codegen.check.catalog import load_catalog
from support.codegen.packages import package
from support.codegen.projects import minimal
from support.runtime import QUICK, balanced, running, task, tasks
from support.runtime.samples import error, task_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from support.runtime import Database


def context(value: Any) -> events.ApplicationError:
    return events.ApplicationError(service="s", error_type="E", error_message="m", context=value)


NUL = "Holds U+0000, which PostgreSQL can't store - at "


@pytest.mark.parametrize(
    ("event", "place"),
    [
        (error("a\0"), "`$.error_message`"),
        (events.ApplicationError(service="\0", error_type="E", error_message="m"), "`$.service`"),
        (context({"deep": [{"a": "\0"}]}), "`$.context`"),
        (context({"k\0": 1}), "`$.context`"),
        (context("\\\0"), "`$.context`"),
    ],
)
def test_u0000_is_refused_where_bad_values_are(event: Any, place: str) -> None:
    client, _ = AnalyticsClient.create(strict=True)
    with pytest.raises(InvalidEventError) as caught:
        client.track(event)
    assert caught.value.problem == NUL + place
    with pytest.raises(events.EventDecodeError, match=r"U\+0000"):
        events.from_json(events.to_json(event))


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "u0000", "\\"])
def test_text_that_only_looks_like_u0000_is_stored(database: Database, text: str) -> None:
    with running("thread", database.dsn, strict=True) as client, analytics_context(text=text):
        client.track(error(text))
        assert client.flush(30).ok
    rows = database.execute("select data ->> 'error_message', meta #>> '{context,text}' from analytics_events")
    assert rows == [(text, text)]
    assert events.from_json(events.to_json(error(text))) == error(text)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "invalid_event"),
        ({"a": [1.0, float("-inf")]}, "invalid_event"),
        ({"a": (None, {float("inf")})}, "invalid_event"),
        ("a\0", "invalid_event"),
        ({"k\0": 1}, "invalid_event"),
        ("\ud800", "encoding"),
        ({"\ud800": 1}, "encoding"),
        (msgspec.Raw(b'"\xff"'), "encoding"),
        (msgspec.Raw(b"{"), "encoding"),
        (msgspec.Raw(b'"\\u0000"'), "invalid_event"),
    ],
)
def test_a_context_that_can_not_be_stored_is_a_dead_letter(database: Database, value: Any, reason: str) -> None:
    with running("thread", database.dsn) as client:
        with analytics_context(bad=value, none=None):
            client.track(task(0))
        client.track(task(0))
        assert client.flush(30).pending == 0
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered_by_reason) == (1, {reason: 1})


@pytest.mark.parametrize("value", [None, {"a": None}, msgspec.Raw(b"null"), (1.5, None)])
def test_a_null_in_a_context_is_no_fault(database: Database, value: Any) -> None:
    with running("thread", database.dsn) as client:
        with analytics_context(value=value):
            client.track(task(0))
        assert client.flush(30).ok
        assert balanced(client).delivered == 1


# ---- events whose own code raises what is no Exception ------------------------------------------


# Made in functions: pytest looks at what a module holds.


def exits_when_asked() -> Any:
    class Meta(type):
        def __getattr__(cls, name: str) -> Any:
            raise SystemExit(name)

    return Meta("Exits", (), {})()


def exits_in_hash() -> Any:
    class Meta(type):
        def __hash__(cls) -> int:
            raise SystemExit

    return Meta("ExitsInHash", (), {})()


def exits_in_name() -> Any:
    class Meta(type):
        @property
        def __name__(cls) -> Any:  # type: ignore[override]  # hostile on purpose
            raise GeneratorExit

    return Meta("ExitsInName", (), {})()


@dataclass
class Odd:
    """Exits when its service is read."""

    EVENT_TYPE: ClassVar[str] = "odd"
    EVENT_VERSION: ClassVar[int] = 1
    USER_ID_FIELD: ClassVar[None] = None
    SERVICE_FIELD: ClassVar[str] = "service"
    STORE: ClassVar[dict[str, str]] = {}

    @property
    def service(self) -> str:
        raise KeyboardInterrupt


HOSTILE: dict[str, Callable[[], Any]] = {
    "Exits": exits_when_asked,
    "ExitsInHash": exits_in_hash,
    "ExitsInName": exits_in_name,
    "odd": Odd,
}
KNOWN: dict[str, Any] = {**events.EVENTS, "odd": Odd}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("rates", [{}, {"task_completed": 1.0}], ids=["all", "sampled"])
def test_code_of_an_event_that_exits_costs_its_event_only(
    database: Database, kind: str, name: str, rates: dict[str, float]
) -> None:
    catalog = replace(events.CATALOG, events=KNOWN)
    with running(kind, database.dsn, sample_rates=rates, catalog=catalog) as client:
        for event in [*tasks(50), HOSTILE[name](), *tasks(50, start=50)]:
            client.track(event)
        assert client.flush(30).pending == 0
        stats = balanced(client)
        assert (stats.delivered, stats.dead_lettered) == (100, 1)
    database.assert_numbers(100)
    ((kept, payload),) = database.execute("select event_type, payload from analytics_dead_letters")
    assert (kept, json.loads(payload)["event_type"]) == (name, name)


@pytest.mark.parametrize("name", HOSTILE)
def test_it_does_not_end_an_event_loop_in_the_main_thread(database: Database, name: str) -> None:
    async def program() -> None:
        assert threading.current_thread() is threading.main_thread()
        client, config = AnalyticsClient.create(**QUICK, catalog=replace(events.CATALOG, events=KNOWN))
        worker = asyncio.create_task(AnalyticsWorker(config, database.dsn).run())
        for event in [*tasks(50), HOSTILE[name](), *tasks(50, start=50)]:
            client.track(event)
        assert (await client.aflush(30)).pending == 0
        assert (balanced(client).delivered, balanced(client).dead_lettered) == (100, 1)
        await client.aclose(10)
        await worker

    asyncio.run(program())
    database.assert_numbers(100)


def test_an_exception_of_a_signal_handler_is_the_program_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes once, while an event without fault is encoded in the main thread."""
    from adi_analytics._engine.rows import encode
    from adi_analytics._engine.rows.encode import RowEncoder
    from adi_analytics._engine.rows.validate import decoder_of
    from adi_analytics._shared.options import Settings

    encoder, signals = RowEncoder(Settings(), decoder_of), [SystemExit()]
    start = encode._START

    def interrupted(*values: Any) -> bytes:
        if signals:
            raise signals.pop()
        return start(*values)

    monkeypatch.setattr(encode, "_START", interrupted)
    with pytest.raises(SystemExit):
        encoder.check(task(0))
    encoder.check(task(0))


# ---- near the recursion limit --------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"max_queue": 1}, {"sample_rates": {"task_completed": 0.5}}])
def test_track_raises_nothing_near_the_recursion_limit(options: dict[str, Any]) -> None:
    """The call itself needs a frame, which Python may refuse; with that, it raises nothing, and counts the event."""
    client, _ = AnalyticsClient.create(**options)
    event, counts, inside = task(0), {"begun": 0, "refused": 0}, 0

    def dive() -> None:
        nonlocal inside
        with contextlib.suppress(RecursionError):
            dive()
        counts["begun"] += 1
        try:
            client.track(event)
        except RecursionError as caught:
            counts["refused"] += 1
            inside += caught.__traceback__ is not None and caught.__traceback__.tb_next is not None

    gc.collect()
    gc.disable()  # what other tests left must not be collected where the stack has no room
    try:
        dive()
    finally:
        gc.enable()
    assert (counts["begun"] > 100, inside) == (True, 0)
    assert balanced(client).accepted == counts["begun"] - counts["refused"]


def test_a_strict_client_raises_what_it_met() -> None:
    client, _ = AnalyticsClient.create(strict=True)
    with pytest.raises(InvalidEventError):
        client.track(task_with(exit_code="x"))


FEES = {
    "paid": {
        "domain": "web",
        "description": "A fee was paid.",
        "fields": {
            "fee": {"type": "decimal", "precision": 30, "scale": 10, "description": "The fee."},
            "parts": {
                "type": "list",
                "items": {"type": "decimal", "precision": 20, "scale": 10},
                "optional": True,
                "description": "Its parts.",
            },
            "note": {"type": "string", "description": "What for."},
        },
    }
}


@pytest.fixture
def fees(tmp_path: Path) -> Iterator[ModuleType]:
    """The generated package; other tests must not find it imported."""
    file = tmp_path / "events.yaml"
    file.write_text(minimal(catalog={"format": 2, "name": "fees", "owner": "me"}, events=FEES), encoding="utf-8")
    module = package(load_catalog(file))
    yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == module.__name__]:
        del sys.modules[name]


def test_decimals_below_a_millionth_are_written_with_their_digits(database: Database, fees: ModuleType) -> None:
    texts = ["0.0000000001", "0.0000009", "-0.0000010", "0.0000000", "1", "12.5"]
    sent = [fees.Paid(fee=Decimal(text), parts=[Decimal(text)], note="1E-7") for text in texts]
    with running("thread", database.dsn, catalog=fees.CATALOG, strict=True) as client:
        for event in sent:
            client.track(event)
        assert client.flush(30).delivered == len(texts)
    found = database.execute("select data ->> 'fee', data #>> '{parts,0}', data ->> 'note' from analytics_events")
    assert {(Decimal(fee), Decimal(part), note) for fee, part, note in found} == {
        (Decimal(text), Decimal(text), "1E-7") for text in texts
    }
    assert not [text for row in found for text in row[:2] if "E" in text]
    for event in sent:
        assert fees.from_json(fees.to_json(event)) == event
        assert fees.from_dict(fees.to_dict(event) | {"fee": event.fee}) == event
