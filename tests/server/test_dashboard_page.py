"""What a browser gets of the dashboard without its numbers: the page, its files, and sessions."""

from __future__ import annotations

import gzip
import hashlib
import re
from typing import Any

import httpx
import psycopg
import pytest
from adi_analytics.server import tokens
from support.paths import ROOT
from support.reading import answering

STATIC = ROOT / "runtime" / "adi_analytics" / "server" / "dashboard" / "static"
ORIGIN = "/api/analytics"
MOST = 150_000
"""Most bytes of the page and all its files over the wire."""


@pytest.fixture(scope="module")
def site(databases):
    """A client of a service that wants tokens, and a token of each scope."""
    with databases.migrated() as dsn:
        with psycopg.connect(dsn) as connection:
            made = {scope: tokens.create(connection, "test", scope) for scope in tokens.SCOPES}
        with answering(database_url=dsn, without_tokens=False) as client:
            yield client, made, dsn


def files_of(page: str) -> set[str]:
    return set(re.findall(r'(?:src|href)="(dashboard/[^"]+)"', page))


def test_the_page_and_all_its_files_are_small_and_keep_to_the_policy(site):
    client, _, _ = site
    page = client.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    names = files_of(page.text)
    modules = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.js")}
    assert {name.split("/", 2)[2] for name in names if name.endswith(".js")} == modules  # nothing is found late
    sizes = {"/": int(page.headers["content-length"])}
    for name in sorted(names):
        answer = client.get(f"/{name}")
        assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip"), name
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content == (STATIC / name.split("/", 2)[2]).read_bytes()
        sizes[name] = int(answer.headers["content-length"])
    assert sum(sizes.values()) < MOST, sizes


def test_an_unchanged_page_is_not_sent_again_and_one_without_gzip_is_plain(site):
    client, _, _ = site
    page = client.get("/")
    assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    plain = client.get("/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == page.content
    assert plain.headers["etag"] != page.headers["etag"]


@pytest.mark.parametrize(
    "name", ["index.html", "vendor/uplot/LICENSE", "../session.py", "%2e%2e/session.py", "none.js"]
)
def test_nothing_else_of_the_folder_is_served(site, name):
    assert site[0].get(f"/dashboard/x/{name}").status_code == 404


def test_a_session_reads_until_it_ends(site):
    client, made, _ = site
    assert client.get(f"{ORIGIN}/session").json() == {"needed": True}
    begun = client.post(f"{ORIGIN}/session", json={"token": made["read"]})
    assert (begun.status_code, begun.content) == (204, b"")
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path" not in cookie  # the browser takes the folder
    assert "Secure" not in cookie
    assert client.get(f"{ORIGIN}/aggregates").status_code == 200
    for site_of in ("cross-site", "same-site"):
        assert client.get(f"{ORIGIN}/aggregates", headers={"Sec-Fetch-Site": site_of}).status_code == 401
    wrong = {"Authorization": "Bearer adi_read_0_x"}
    assert client.get(f"{ORIGIN}/aggregates", headers=wrong).status_code == 401  # the header counts
    assert client.post(f"{ORIGIN}/events/batch", json=[]).status_code == 401
    client.delete(f"{ORIGIN}/session")
    assert client.get(f"{ORIGIN}/aggregates").status_code == 401


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"json": {"token": "adi_read_0_x"}}, 401),
        ({"json": {"token": 7}}, 400),
        ({"json": {"token": "x" * 5000}}, 400),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": {"token": "x"}}, 415),
    ],
)
def test_a_session_begins_with_a_valid_token_alone(site, sent: dict[str, Any], status):
    answer = site[0].post(f"{ORIGIN}/session", **sent)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


def test_a_token_that_sends_begins_no_session(site):
    client, made, _ = site
    answer = client.post(f"{ORIGIN}/session", json={"token": made["ingest"]})
    assert (answer.status_code, answer.json()["title"]) == (403, "Wrong scope")
    cookies = {"adi_analytics_session": made["ingest"]}
    assert (
        httpx.get(f"{client.base_url}{ORIGIN}/aggregates".replace("//api", "/api"), cookies=cookies).status_code == 403
    )


def test_a_revoked_token_ends_its_sessions(site, monkeypatch):
    client, _, dsn = site
    with psycopg.connect(dsn) as connection:
        token = tokens.create(connection, "short", "read")
    monkeypatch.setattr(tokens, "FRESH", 0.0)
    with httpx.Client(base_url=client.base_url) as own:
        assert own.post(f"{ORIGIN}/session", json={"token": token}).status_code == 204
        assert own.get(f"{ORIGIN}/aggregates").status_code == 200
        with psycopg.connect(dsn) as connection:
            tokens.revoke(connection, tokens.id_of(token))
        assert own.get(f"{ORIGIN}/aggregates").status_code == 401


def test_over_https_the_cookie_is_for_https_alone(site):
    client, made, _ = site
    answer = client.post(f"{ORIGIN}/session", json={"token": made["read"]}, headers={"X-Forwarded-Proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]
    client.cookies.clear()


def test_without_tokens_there_is_no_cookie_and_without_the_dashboard_no_page(migrated_dsn):
    with answering(database_url=migrated_dsn) as client:
        assert client.get(f"{ORIGIN}/session").json() == {"needed": False}
        assert "set-cookie" not in client.post(f"{ORIGIN}/session", json={"token": "x"}).headers
    with answering(database_url=migrated_dsn, dashboard=False) as client:
        assert client.get("/").status_code == 404
        assert client.get(f"{ORIGIN}/session").status_code == 404
        assert client.get(f"{ORIGIN}/aggregates").status_code == 200


def test_files_of_others_are_as_they_were_released():
    vendor = STATIC / "vendor"
    lines = re.findall(r"^([0-9a-f]{64})  (\S+)$", (vendor / "THIRD_PARTY.md").read_text(), re.MULTILINE)
    listed = {name: checksum for checksum, name in lines}
    found = {path.relative_to(vendor).as_posix(): path.read_bytes() for path in vendor.rglob("*") if path.is_file()}
    del found["THIRD_PARTY.md"]
    assert listed == {name: hashlib.sha256(body).hexdigest() for name, body in found.items()}
    assert len(gzip.compress(found["uplot/uPlot.esm.js"], 9)) < MOST / 2


def test_modules_are_short_and_never_read_text_as_html():
    modules = [path for path in STATIC.rglob("*.js") if "vendor" not in path.parts]
    assert len(modules) > 10
    for path in modules:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), (
            path.name
        )
