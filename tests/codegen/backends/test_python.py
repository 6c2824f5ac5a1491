"""The generated Python: what it is at run time, and what type checkers and formatters say of it."""

import copy
import dataclasses
import os
import pickle
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from uuid import UUID, uuid4

import adi_analytics_events as events
import msgspec
import pytest
from support.codegen.projects import minimal, run_python
from support.paths import FIXTURES, ROOT

GOLDEN = FIXTURES / "golden"
PACKAGES = [
    ROOT / "generated" / "python" / "adi_analytics_events",
    GOLDEN / "everything" / "python" / "shop_events",
    GOLDEN / "empty" / "python" / "nothing_events",
]
USER = UUID("0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01")


@pytest.fixture
def completed():
    return events.TaskCompleted(user_id=USER, task_id=uuid4(), duration_ms=1200, exit_code=0)


def test_it_is_a_dataclass_in_every_way_that_counts(completed):
    assert dataclasses.is_dataclass(events.TaskCompleted)
    assert [field.name for field in dataclasses.fields(completed)] == ["user_id", "task_id", "duration_ms", "exit_code"]
    assert dataclasses.asdict(completed)["duration_ms"] == 1200
    assert dataclasses.astuple(completed)[0] == USER
    assert dataclasses.replace(completed, exit_code=1).exit_code == 1
    assert repr(completed).startswith("TaskCompleted(user_id=UUID('0190")
    assert str(events.TaskCompleted.__doc__).startswith("A task ended with an exit code.")


def test_it_compares_hashes_copies_and_pickles(completed):
    for other in (copy.copy(completed), copy.deepcopy(completed), pickle.loads(pickle.dumps(completed))):
        assert other == completed
        assert hash(other) == hash(completed)
    assert completed != dataclasses.replace(completed, exit_code=1)
    assert completed != events.TaskFailed(user_id=USER, task_id=completed.task_id, error="")


def test_it_is_frozen_and_has_no_other_attributes(completed):
    with pytest.raises(dataclasses.FrozenInstanceError):
        completed.exit_code = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        del completed.exit_code
    with pytest.raises(dataclasses.FrozenInstanceError):
        completed.other = 1
    assert not hasattr(completed, "__dict__")


def test_it_takes_keywords_only_and_all_that_is_required():
    with pytest.raises(TypeError):
        events.ProjectUpdated(USER, USER)  # type: ignore[call-arg]  # wrong on purpose
    with pytest.raises(TypeError, match="project_id"):
        events.ProjectUpdated(user_id=USER)  # type: ignore[call-arg]  # wrong on purpose
    with pytest.raises(TypeError, match="other"):
        events.ProjectUpdated(user_id=USER, project_id=USER, other=1)  # type: ignore[call-arg]  # wrong on purpose


def test_optional_fields_default_to_none():
    failed = events.TaskFailed(user_id=USER, task_id=USER, error="boom")
    assert (failed.duration_ms, failed.exit_code) == (None, None)
    defaults = {field.name: field.default for field in dataclasses.fields(failed)}
    assert defaults["duration_ms"] is None
    assert defaults["error"] is dataclasses.MISSING


def test_class_variables_say_what_the_runtime_needs():
    login = events.AuthLoginAttempt
    assert (login.EVENT_TYPE, login.EVENT_VERSION) == ("auth_login_attempt", 1)
    assert (login.USER_ID_FIELD, login.SERVICE_FIELD) == ("user_id", None)
    assert login.STORE == {"email": "hash"}
    assert events.OAuthFlowStarted.STORE == {"state": "drop"}
    assert events.OAuthFlowStarted.EVENT_TYPE == "oauth_flow_started"
    assert events.ApiRequest.SERVICE_FIELD == "service"


def test_the_registry_knows_all_29_events():
    assert len(events.EVENTS) == 29
    assert all(name == cls.EVENT_TYPE for name, cls in events.EVENTS.items())
    assert set(events.DECODERS) == set(events.EVENTS)
    assert len(events.DECODERS) == 29
    assert len(events.CATALOG_HASH) == 64
    assert {cls.__name__ for cls in events.EVENTS.values()}.issubset(events.__all__)


def test_json_has_the_type_and_leaves_out_what_is_none():
    failed = events.TaskFailed(user_id=USER, task_id=USER, error="boom")
    expected = {"type": "task_failed", "user_id": str(USER), "task_id": str(USER), "error": "boom"}
    assert msgspec.json.decode(events.to_json(failed)) == expected
    assert events.from_json(events.to_json(failed)) == failed
    assert events.from_json(events.to_json(failed).decode()) == failed
    assert events.DECODERS["task_failed"].decode(events.to_json(failed)) == failed


def test_null_is_as_good_as_absent(completed):
    data = {"type": "task_failed", "user_id": USER, "task_id": USER, "error": "boom", "exit_code": None}
    event = events.from_json(msgspec.json.encode(data))
    assert isinstance(event, events.TaskFailed)
    assert event.exit_code is None


GOOD = {"type": "task_completed", "user_id": USER, "task_id": USER, "duration_ms": 1, "exit_code": 0}
BROKEN = {
    "an unknown field": (GOOD | {"other": 1}, "task_completed", "other"),
    "a missing field": ({k: v for k, v in GOOD.items() if k != "exit_code"}, "task_completed", "exit_code"),
    "a broken bound": (GOOD | {"duration_ms": -1}, "task_completed", "duration_ms"),
    "a wrong type": (GOOD | {"exit_code": "0"}, "task_completed", "exit_code"),
    "half a number": (GOOD | {"exit_code": 0.5}, "task_completed", "exit_code"),
    "a null that is not optional": (GOOD | {"exit_code": None}, "task_completed", "exit_code"),
    "no uuid": (GOOD | {"task_id": "x"}, "task_completed", "task_id"),
    "an unknown event": (GOOD | {"type": "task_done"}, "task_done", "type"),
    "no event": ({"user_id": USER}, None, "type"),
    "an event that is no string": ({"type": 5}, None, "type"),
    "a list": ([1], None, None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_the_decoder_names_event_and_field(case):
    data, event, field = BROKEN[case]
    with pytest.raises(events.EventDecodeError) as caught:
        events.from_json(msgspec.json.encode(data))
    assert (caught.value.event, caught.value.field) == (event, field)
    assert all(part in str(caught.value) for part in (event, field) if part)
    assert pickle.loads(pickle.dumps(caught.value)).field == field


@pytest.mark.parametrize("number", [b"1e999", b"9" * 5000])
def test_a_number_that_nothing_holds_is_an_error_of_its_field(number):
    data = msgspec.json.encode(GOOD).replace(b'"exit_code":0', b'"exit_code":' + number)
    with pytest.raises(events.EventDecodeError) as caught:
        events.from_json(data)
    assert (caught.value.event, caught.value.field) == ("task_completed", "exit_code")


DEEP = b'{"type": "application_error", "context": ' + b"[" * 100_000


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", "\ud800", b'{"type": "task_failed", "type', DEEP, DEEP[-1000:]])
def test_what_is_no_json_is_an_error_too(data):
    with pytest.raises(events.EventDecodeError):
        events.from_json(data)


def test_every_kind_of_field_survives_the_way_there_and_back():
    code = """
import shop_events as shop
import dataclasses
import os
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID
view = shop.PageView(visitor_id=UUID(int=1), url="https://x.example/", channel=shop.Channel.AD, load_ms=1.5,
    seen_at=datetime(2026, 1, 2, tzinfo=UTC), tags=("a", "b"), place=shop.PageViewPlace(country="DE", city="Ulm"),
    extra={"any": [1, None]})
assert shop.from_json(shop.to_json(view)) == view
assert b'"channel":"ad"' in shop.to_json(view)
podcast = shop.from_json(shop.to_json(view).replace(b'"ad"', b'"podcast"'))
assert podcast.channel == "podcast"
line = shop.OrderPlacedLines(article="book", count=2)
order = shop.OrderPlaced(visitor_id=UUID(int=1), service="web", total=9.5, lines=(line, line))
assert shop.from_json(shop.to_json(order)).lines == (line, line)
point = shop.Point(latitude=1.5, by=shop.PointBy(channel="ad"), seen_on=date(2026, 1, 2))
home = shop.PostalAddress(country="DE", point=point)
sent = shop.OrderPlaced(visitor_id=UUID(int=1), service="web", total=9.5, lines=(line,), billing=home, stops=[home])
assert shop.from_json(shop.to_json(sent)) == sent and sent.stops == (home,)
assert shop.OrderPlaced.STORE == {"coupon": "drop", "billing.street": "drop", "stops.street": "drop"}
stored = shop.from_stored(shop.to_dict(sent), "order_placed", 1)
assert type(stored.billing) is shop.PostalAddress and stored == sent
moved = shop.OrderMoved(visitor_id=UUID(int=1), service="web", state=shop.OrderState.SHIPPED,
    states=(shop.OrderState.NEW, shop.OrderState.VALUE_404))
assert b'"state":"in-transit"' in shop.to_json(moved)
assert shop.from_json(shop.to_json(moved)).state is shop.OrderState.SHIPPED
urgent = shop.OrderMoved(visitor_id=UUID(int=1), service="web", state="new", states=(), priority=2, ratings=[5, 7])
assert b'"priority":2,"ratings":[5,7]' in shop.to_json(urgent)
read = shop.from_json(shop.to_json(urgent).replace(b'"priority":2', b'"priority":2.0'))
assert read.priority is shop.Priority.NORMAL and read.ratings == (shop.Rating.VALUE_5, 7)
assert (order.kind, order.schema, order.real, order.source, order.priority) == ("order", 2, True, "direct", 2)
assert (order.shipping, order.tax_rate, order.wrapped, line.unit) == (Decimal("4.9"), 0.19, False, "piece")
written = shop.to_dict(order)
assert (written["Kind"], written["schema"], written["real"], written["source"]) == ("order", 2, True, "direct")
assert (written["shipping"], written["wrapped"], written["lines"][0]["unit"]) == ("4.9", False, "piece")
filled = ["source", "priority", "shipping", "tax_rate", "wrapped"]
assert shop.from_dict({key: value for key, value in written.items() if key not in filled}) == order
old = shop.from_stored({key: value for key, value in written.items() if key not in filled}, "order_placed", 1)
assert [getattr(old, name) for name in filled] == [None] * 5 and old.kind == "order"
try:
    shop.OrderPlaced(visitor_id=UUID(int=1), service="web", total=9.5, lines=(line,), real=False)
except ValueError as error:
    assert "Expected `true` in field `real`" in str(error)
else:
    raise AssertionError("real")
assert {field.name: field.default for field in dataclasses.fields(order)}["source"] == "direct"
assert shop.Priority.MINUS_1 == -1 and type(read.ratings[1]) is int
part = shop.Part(words=2, extra={"ads": [1, None]})
context = shop.PageViewContext(title="Tea", author="Ada", parts=[part], extra={"mood": {"a": 1.5}, "words": 1})
loose = shop.PageView(visitor_id=UUID(int=1), url="https://x.example/", channel="ad", tags=(), context=context,
    contexts={"a.b": part, "c": shop.Part(words=0)})
written = shop.to_dict(loose)
assert written["context"] == {"pageTitle": "Tea", "author": "Ada", "parts": [{"words": 2, "ads": [1, None]}],
    "mood": {"a": 1.5}, "words": 1}
assert list(written["context"])[:3] == ["pageTitle", "author", "parts"]
assert written["contexts"] == {"a.b": {"words": 2, "ads": [1, None]}, "c": {"words": 0}}
assert shop.from_json(shop.to_json(loose)) == loose == shop.from_dict(written)
assert shop.from_json(shop.to_json(loose).replace(b'"words":2', b'"words":2.0')) == loose
assert shop.PageView.OPEN == ("context", "context.parts", "contexts.*") and shop.PageViewContext.OPEN == ("", "parts")
del written["context"]["author"], written["context"]["parts"][0]["words"]
row = shop.from_stored(written, "page_view", 2)
assert row.context == dataclasses.replace(context, author=None, parts=(shop.Part(words=None, extra=part.extra),))
assert pickle.loads(pickle.dumps(loose)) == loose and repr(part) == "Part(words=2, extra={'ads': [1, None]})"
assert shop.PageViewContext() == shop.PageViewContext(extra={}) and shop.PageViewContext().extra == {}
assert hash(order) and hash(moved)
for event, old, new, field in [
    (view, b'"https', b'"ftp', "url"), (view, b'"DE"', b'"de"', "place.country"),
    (view, b'"city"', b'"town"', "place.town"), (view, b'"a","b"', b'"a","b","c","d"', "tags"),
    (view, b'"a"', b'""', "tags[0]"), (view, b"1.5", b"99999", "load_ms"),
    (view, b"2026-01-02T00:00:00Z", b"2026-01-02T00:00:00", "seen_at"), (moved, b'"in-transit"', b'"lost"', "state"),
    (order, b'"count":2', b'"count":0', "lines[0].count"), (urgent, b'"priority":2', b'"priority":3', "priority"),
    (loose, b'"words":2', b'"words":-1', "context.parts[0].words"), (loose, b'"Tea"', b'5', "context.pageTitle"),
    (loose, b'"mood":', b'"mood\\\\u0000":', "context"),
    (order, b'"Kind":"order"', b'"Kind":"Order"', "Kind"), (order, b'"schema":2', b'"schema":1', "schema"),
    (order, b'"real":true', b'"real":false', "real"), (order, b'"tax_rate":0.19', b'"tax_rate":null', "tax_rate"),
    (urgent, b'"priority":2', b'"priority":true', "priority"), (urgent, b"[5,7]", b'[5,"7"]', "ratings[1]"),
]:
    assert old in shop.to_json(event), (old, shop.to_json(event))
    try:
        shop.from_json(shop.to_json(event).replace(old, new, 1))
    except shop.EventDecodeError as error:
        assert error.field == field, error.field
    else:
        raise AssertionError(field)
visits = {"a": shop.PageViewVisits(clicks=[{"x": 1}], note="n", search="s"), "b": shop.PageViewVisits(clicks=())}
many = shop.from_json(shop.to_json(shop.PageView(visitor_id=UUID(int=1), url="https://x.example/", channel="ad",
    tags=(), visits=visits, stays={"a": [1.5], "b": ()})))
assert many.visits == visits and many.stays == {"a": (1.5,), "b": ()} and many.visits["a"].clicks == ({"x": 1},)
row = shop.to_dict(many)
row["visits"] = {"a": {"clicks": [{"x": 1.0}], "note": "0f" * 32}, "b": {}}
assert shop.from_stored(row, "page_view", 2).visits["b"] == shop.PageViewVisits(clicks=None)
assert shop.from_stored(row, "page_view", 2).visits["a"].note == "0f" * 32
assert shop.PageView.STORE == {"url": "hash", "place.city": "drop", "visits.*.note": "hash", "visits.*.search": "drop",
    "context.author": "drop", "ip": "drop"}
print("done")
"""
    assert run_python(code, GOLDEN / "everything" / "python") == "done\n"


DECIMALS = """
import dataclasses, json
import shop_events as shop
from datetime import date
from decimal import Decimal
from uuid import UUID
def order(**values):
    line = shop.OrderPlacedLines(article="book", count=2)
    return shop.OrderPlaced(visitor_id=UUID(int=1), service="web", total=9.5, lines=(line,), **values)
def written(**values):
    return json.loads(shop.to_json(order(**values)))
made = order(price=Decimal("9.50"), discounts=[Decimal("-1"), "2.5", 3], due_on=date(2026, 1, 2))
assert shop.from_json(shop.to_json(made)) == made
assert made.discounts == (Decimal("-1"), Decimal("2.5"), Decimal(3)) and made.due_on == date(2026, 1, 2)
assert hash(made) == hash(dataclasses.replace(made))
for given, text in [(12, "12"), ("1.5", "1.5"), (Decimal("1E+3"), "1000.00"), (Decimal("1.5000"), "1.50"),
                    (Decimal("0E-9"), "0.00"), (Decimal("1.555"), "1.555"), (Decimal("NaN"), "NaN"),
                    (Decimal("1E+999999"), "1E+999999"), (Decimal("1E-999999"), "1E-999999"), ("x", "x"), (1.5, 1.5),
                    (10**30, "1" + "0" * 30)]:
    assert written(price=given)["price"] == text, given
    try:
        taken = shop.from_json(shop.to_json(order(price=given))).price
    except shop.EventDecodeError as error:
        assert error.field == "price" and given not in (12, "1.5"), given
    else:
        assert taken == Decimal(text), given
for data, field in [({"price": 9.5}, "price"), ({"price": "-1"}, "price"), ({"price": "1_0"}, "price"),
                    ({"discounts": ["1", "1.234"]}, "discounts[1]"), ({"due_on": "2026-02-30"}, "due_on"),
                    ({"due_on": "2026-02-03T00:00:00Z"}, "due_on")]:
    try:
        shop.from_dict(written() | data)
    except shop.EventDecodeError as error:
        assert error.field == field, (data, error.field)
    else:
        raise AssertionError(data)
assert shop.from_dict(written() | {"price": Decimal("9.50"), "due_on": date(2026, 1, 2)}).price == Decimal("9.5")
row = {**written(), "price": "123456789012345678901234567890.5"}
assert shop.from_stored(row, "order_placed", 2).price == Decimal("123456789012345678901234567890.5")
for version, price in [(1, row["price"]), (2, "x"), (2, "1e5"), (2, 5)]:
    try:
        shop.from_stored(row | {"price": price}, "order_placed", version)
    except shop.EventDecodeError as error:
        assert error.field == "price"
    else:
        raise AssertionError(price)
print("done")
"""


def test_days_and_decimals_are_exact_and_strict():
    assert run_python(DECIMALS, GOLDEN / "everything" / "python") == "done\n"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parts[-3])
def test_ruff_would_format_it_no_other_way(package):
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parts[-3])
def test_ruff_would_sort_no_import_of_it(package):
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "I,F,E,W"]
    done = subprocess.run([*command, package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_package_without_events_decodes_none():
    code = """
import nothing_events as events
for data in (b"{}", b'{"type":"seen"}', b"no JSON"):
    try:
        events.from_json(data)
    except events.EventDecodeError as error:
        print(error.event, error.problem)
"""
    problem = "the catalog has no events\n"
    assert run_python(code, PACKAGES[2].parent) == f"None {problem}seen {problem}None {problem}"


def test_imports_have_the_order_that_ruff_gives_them(project):
    names = ["ev_eventtype", "event_version", "a", "ab", "b_c", "bd", "z"]
    project.write(minimal(events={name: {"domain": "web", "description": "x"} for name in names}))
    assert project.run("generate") == 0
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "I"]
    done = subprocess.run([*command, project.out / "python"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


USE = """
from uuid import UUID
from typing import assert_type
import dataclasses
import {package} as package
from {package} import AnyEvent, {name}

event = {name}({arguments})
assert_type(event.{id}, UUID)
print(dataclasses.replace(event), dataclasses.fields({name}))
def read(one: AnyEvent) -> None:
    if isinstance(one, {name}):
        assert_type(one, {name})
    print(one.EVENT_TYPE, one.USER_ID_FIELD)
read(package.from_json(package.to_json(event)))
"""
WRONG = """
event.{id} = UUID(int=1)
{name}()
{name}({arguments}, other=1)
{name}({wrong})
"""
NAMES = {
    "shop_events": {
        "name": "PageScrolled",
        "id": "visitor_id",
        "arguments": "visitor_id=UUID(int=1)",
        "wrong": "visitor_id=1",
    },
    "adi_analytics_events": {
        "name": "ProjectUpdated",
        "id": "user_id",
        "arguments": "user_id=UUID(int=1), project_id=UUID(int=2)",
        "wrong": "user_id=1, project_id=UUID(int=2)",
    },
}


@pytest.fixture
def uses(tmp_path):
    """A folder with the packages, and for each that has events a file that uses it well and one that uses it badly."""
    for package in PACKAGES:
        shutil.copytree(package, tmp_path / "packages" / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    for name, names in NAMES.items():
        good = USE.format(package=name, **names)
        (tmp_path / f"good_{name}.py").write_text(good)
        (tmp_path / f"bad_{name}.py").write_text(good + WRONG.format(**names))
    return tmp_path


def complaints(command, folder, **environment):
    """Return the lines with an error that a type checker prints, by the file that they are about."""
    arguments = [sys.executable, "-m", *command]
    done = subprocess.run(
        arguments, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    found = defaultdict(list)
    for line in done.stdout.splitlines():
        if "error: " in line:
            found[Path(line.strip().partition(":")[0]).name].append(line)
    assert found, done.stdout + done.stderr
    return found


@pytest.mark.slow
def test_mypy_strict_sees_frozen_dataclasses(uses):
    options = ["--strict", "--python-version", "3.11", "--config-file", "", "--cache-dir", "cache"]
    files = sorted(path.name for path in uses.glob("*.py"))
    packages = [f"packages/{package.name}" for package in PACKAGES]
    found = complaints(["mypy", *options, *packages, *files], uses, MYPYPATH="packages")
    check_complaints(found, "read-only")


@pytest.mark.slow
def test_pyright_sees_frozen_dataclasses(uses):
    settings = {"extraPaths": ["packages"], "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (uses / "pyrightconfig.json").write_bytes(msgspec.json.encode(settings | {"include": ["."]}))
    found = complaints(["pyright", "--pythonpath", sys.executable, "--project", "pyrightconfig.json"], uses)
    check_complaints(found, "frozen")


def check_complaints(found, word):
    """Only the files that use a package badly have errors, and one of each says that an event can't be changed."""
    assert sorted(found) == sorted(f"bad_{package}.py" for package in NAMES), dict(found)
    for lines in found.values():
        assert len(lines) >= 4, lines
        assert any(word in line for line in lines), lines
