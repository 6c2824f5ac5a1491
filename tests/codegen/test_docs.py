"""What the documentation shows works."""

import re
import sys
import textwrap
import types

from adi_analytics_codegen import backends
from adi_analytics_codegen.backends import text as docs_text
from adi_analytics_codegen.check import lint as lints
from adi_analytics_codegen.check.catalog import load, load_catalog
from adi_analytics_codegen.check.lint import events as event_lints
from adi_analytics_codegen.check.lint import lint
from support.codegen.projects import minimal
from support.paths import EVENTS, ROOT

DOCS = ROOT / "docs"


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_of_an_event_is_a_good_catalog(project):
    (example,) = [block for block in blocks("reference/catalog.md", "yaml") if block.startswith("catalog:")]
    project.write(example)
    loaded = load(project.catalog)
    assert loaded.findings == []
    assert lint(loaded) == []


def test_every_key_of_the_format_is_in_the_reference():
    text = (DOCS / "reference" / "catalog.md").read_text(encoding="utf-8")
    from adi_analytics_codegen.load.source.shape import catalog_schema

    schema = catalog_schema()
    for part in (schema, *schema["$defs"].values()):
        for key in part.get("properties", {}):
            assert re.search(rf"(?<!\w){re.escape(key)}\b", text), key


def test_the_language_of_the_howto_can_be_added(tmp_path, monkeypatch):
    source, row = blocks("howto/add-a-language.md", "python")
    (template,) = blocks("howto/add-a-language.md", "jinja")
    (tmp_path / "kotlin").mkdir()
    (tmp_path / "kotlin" / "Events.kt.jinja").write_text(template, encoding="utf-8")
    monkeypatch.setattr(docs_text, "_TEMPLATES", tmp_path)
    module = types.ModuleType("adi_analytics_codegen.backends.kotlin")
    exec(source, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(backends, "BACKENDS", backends.BACKENDS | eval(f"{{{row}}}"))
    (text,) = backends.render(load_catalog(EVENTS), [list(backends.BACKENDS)[-1]]).values()
    assert "data class TaskFailed(\n" in text
    assert "    val duration_ms: Long? = null,\n" in text


def test_the_lint_of_the_contributors_guide_can_be_added(project, monkeypatch):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (function,) = re.findall(r"^   ```python\n(.*?)^   ```", text, re.DOTALL | re.MULTILINE)
    (row,) = re.findall(r'`("name-repeats": Lint\(.*\)),`', text)
    (case,) = re.findall(r'`("name-repeats": \(.*\)),`', text)
    event = {"domain": "web", "description": "A page was shown.", "fields": {}}
    names = vars(event_lints) | {"minimal": minimal, "event": event.copy, "catalog": minimal}
    exec("from __future__ import annotations\n" + textwrap.dedent(function), names)
    monkeypatch.setattr(lints, "LINTS", eval(f"{{{row}}}", names))
    good, bad, subject = eval(f"{{{case}}}", names)["name-repeats"]
    assert [finding.subject for finding in lint(load(project.write(good)))] == []
    assert [finding.subject for finding in lint(load(project.write(bad)))] == [subject]


def rows(page):
    """Return the rows of the tables of *page*: the cells, without the first one, by the first one."""
    lines = re.findall(r"^\| (.*) \|$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    return {name: cells for name, *cells in (line.split(" | ") for line in lines)}


def test_the_figures_at_rest_are_of_what_is_generated():
    """Who changes how rows are compressed measures again."""
    text = (ROOT / "generated" / "sql" / "timescaledb" / "events.sql").read_text(encoding="utf-8")
    (segments,) = re.findall(r"compress_segmentby = '(.*)'", text)
    (order,) = re.findall(r"compress_orderby = '(.*)'", text)
    measured = rows("benchmarks-at-rest.md")

    compressed = measured[f"segments by {segments}, order {order.replace(chr(34), '')}"]

    assert float(compressed[0]) < float(measured["not compressed"][0]) / 8


def test_the_figures_of_the_upkeep_keep_their_targets():
    wanted = {name: cells for name, cells in rows("benchmarks-upkeep.md").items() if cells[-1].startswith("under ")}

    assert {"1000 scattered marked hours", "a refresh of what two weeks of events changed"} <= set(wanted)
    for *seconds, target in wanted.values():
        assert all(float(each) < float(target.removeprefix("under ")) for each in seconds)
