"""Pages of the service open in a browser, and what goes wrong in a page does not pass unseen."""

from __future__ import annotations

import pytest
from support.browsing import until, watched

FAULTY = """<!doctype html>
<meta http-equiv="Content-Security-Policy" content="script-src 'nonce-own'">
<script nonce="own">console.error("bad news")</script>
<script>1</script>
<img src="http://example.org/x.png">
<script nonce="own">setTimeout(() => { document.title = "done"; throw new Error("broken"); })</script>
"""
FAULTS = [
    "console: bad news",
    "console: content security policy: script-src-elem inline",
    "request to another host: http://example.org/x.png",
    "uncaught: broken",
]


def test_the_service_answers_in_a_browser(page):
    answer = page.goto("/health")
    assert answer.status == 200
    assert page.inner_text("body") == '{"status":"ok"}'
    assert page.evaluate("Intl.DateTimeFormat().resolvedOptions()")["timeZone"] == "UTC"
    assert page.evaluate("navigator.language") == "en-US"


def visit_faulty(browser, site):
    with watched(browser, site.url) as (page, watch):
        watch.allow("net::ERR_|Executing inline script")  # Chromium's own words for two of them
        page.route("**/faulty", lambda route: route.fulfill(body=FAULTY, content_type="text/html"))
        page.goto("/faulty")
        until(page, "document.title === 'done'")


def test_what_goes_wrong_in_a_page_fails_the_test(browser, site):
    with pytest.raises(AssertionError) as failed:
        visit_faulty(browser, site)
    assert sorted(line.rpartition(" (")[0] or line for line in str(failed.value).splitlines()) == FAULTS
