"""Who asks too often waits, and pages of other origins get no answer unless they are named."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from adi_analytics._shared.options import OptionError
from adi_analytics.server import ServerOptions
from adi_analytics.server import rate as rates
from adi_analytics.server.cli.main import main
from adi_analytics.server.metrics import Metrics
from adi_analytics.server.observe import SAFE, Observed
from adi_analytics.server.problems import ProblemError
from adi_analytics.server.rate import RateLimit, network_of
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from support.serving import PATH, item

SLOW = 0.001  # requests a second: the second one waits, however long the test takes
PAGE = "https://app.example.org"


def refused(limit: RateLimit, client: str = "a") -> str | None:
    try:
        limit.take(client)
    except ProblemError as problem:
        return problem.headers["Retry-After"] if problem.status == 429 else "?"
    return None


def test_a_bucket_empties_and_fills_again():
    now = [0.0]
    limit = RateLimit(2, lambda: now[0])
    assert [refused(limit) for _ in range(6)] == [None] * 4 + ["1", "1"]
    assert refused(limit, "b") is None
    now[0] = 0.5
    assert [refused(limit) for _ in range(2)] == [None, "1"]
    now[0] = 1e6
    assert [refused(limit) for _ in range(5)] == [None] * 4 + ["1"]


@given(st.floats(0.01, 50), st.lists(st.floats(0, 10), max_size=80))
def test_never_more_than_the_rate_and_the_burst(rate, pauses):
    now = [0.0]
    limit = RateLimit(rate, lambda: now[0])
    passed = 0
    for pause in pauses:
        now[0] += pause
        wait = refused(limit)
        passed += wait is None
        if wait is not None:
            assert int(wait) <= 1 / rate + 1
    assert passed <= max(1, rate * 2) + now[0] * rate + 1e-6


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(rates, "_MOST", 3)
    limit = RateLimit(SLOW, lambda: 0.0)
    assert [refused(limit, name) for name in "abcad"] == [None, None, None, "1000", None]
    assert len(limit) == 3
    assert refused(limit, "a") == "1000"
    assert refused(RateLimit(0)) is None


@pytest.mark.parametrize(
    ("address", "client"),
    [("10.0.0.1", "10.0.0.1"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"), (None, ""), ("socket", "socket")],
)
def test_an_address_stands_for_its_network(address, client):
    assert network_of(address) == client


def asked(serving, *requests, **options) -> list[httpx.Response]:
    async def run():
        async with serving(**options) as client:
            return [await client.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(run())


def test_tokens_and_addresses_are_limited_each_for_itself(serving, migrated_dsn, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", migrated_dsn)
    tokens = []
    for name in ("one", "other"):
        assert main(["token", "create", "--name", name, "--scope", "ingest"]) == 0
        tokens.append({"headers": {"Authorization": f"Bearer {capsys.readouterr().out.strip()}"}, "json": [item()]})
    given = [tokens[0], tokens[0], tokens[1], {}, {}, tokens[1]]
    answers = asked(serving, *(("POST", PATH, one) for one in given), without_tokens=False, rate_limit=SLOW)
    assert [one.status_code for one in answers] == [200, 429, 200, 401, 429, 429]
    refused = answers[1]
    assert 0 < int(refused.headers["retry-after"]) <= 1000
    assert refused.json()["type"] == "urn:adi-analytics:problem:too-many-requests"
    assert refused.headers["content-type"] == "application/problem+json"


def test_who_asks_while_no_token_can_be_read_is_limited_too(serving):
    away = "postgresql://nobody@127.0.0.1:1/nothing"
    ask = ("GET", "/aggregates", {"headers": {"Authorization": "Bearer adi_read_0a1b2c3d4e5f_" + "A" * 43}})
    answers = asked(serving, ask, ask, without_tokens=False, rate_limit=SLOW, database_url=away)
    assert [one.status_code for one in answers] == [503, 429]


def test_without_tokens_addresses_are_limited_and_health_is_not(serving):
    paths = ["/aggregates", "/aggregates", "/health", "/ready", "/health"]
    answers = asked(serving, *(("GET", path, {}) for path in paths), rate_limit=SLOW)
    assert [one.status_code for one in answers] == [200, 429, 200, 200, 200]


def test_pages_of_other_origins_get_an_answer_only_if_named(serving):
    headers = {"Origin": PAGE}
    before = {**headers, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    requests = [("GET", "/aggregates", {"headers": headers}), ("OPTIONS", PATH, {"headers": before})]
    closed = asked(serving, *requests)
    assert not [name for one in closed for name in one.headers if name.startswith("access-control")]
    other = asked(serving, *requests, cors_origins=["https://example.org"])
    assert not [one for one in other if "access-control-allow-origin" in one.headers]
    answer, asked_before = asked(serving, *requests, cors_origins=[PAGE])
    assert (asked_before.status_code, answer.status_code) == (200, 200)
    for one in (answer, asked_before):
        assert one.headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-credentials" not in one.headers
    assert "authorization" in asked_before.headers["access-control-allow-headers"].lower()
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    assert "Origin" in answer.headers["vary"]


async def got(transport: httpx.ASGITransport) -> httpx.Response:
    async with httpx.AsyncClient(transport=transport, base_url="http://own") as client:
        return await client.get("/")


def test_a_browser_runs_nothing_of_an_answer_unless_the_answer_says_so(serving):
    before = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    requests = [("GET", "/aggregates", {}), ("GET", "/metrics", {}), ("POST", PATH, {"json": [item()]}),
                ("GET", "/nothing", {}), ("POST", "/health", {}), ("OPTIONS", PATH, {"headers": before})]  # fmt: skip
    answers = asked(serving, *requests, cors_origins=[PAGE])
    assert [one.status_code for one in answers] == [200, 200, 200, 404, 405, 200]
    for one in answers:
        assert {name: one.headers[name] for name in SAFE} == SAFE

    page = Response("", headers={"content-security-policy": "default-src 'self'"})
    own = asyncio.run(got(httpx.ASGITransport(Observed(page, Metrics())))).headers
    assert own.get_list("content-security-policy") == ["default-src 'self'"]
    assert own["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "options",
    [{"rate_limit": -1}, {"rate_limit": float("nan")}, {"rate_limit": float("inf")}, {"cors_origins": PAGE},
     {"cors_origins": ["example.org"]}, {"cors_origins": ["https://example.org/"]}, {"cors_origins": ["null"]}],
)  # fmt: skip
def test_wrong_options_are_refused(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        ServerOptions(**options)
