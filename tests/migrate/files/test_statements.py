"""The manifest's statements: places are filled with names, and SQL is put together, never taken apart."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from adi_analytics import migrate
from adi_analytics.migrate import HistoryError, UsageError
from adi_analytics.migrate.files.machinery import machinery, own_record
from adi_analytics.migrate.files.manifest import load_manifest, load_snapshot
from adi_analytics.migrate.files.statements import Names, Sql, View, filled
from adi_analytics.migrate.options import BACKENDS
from support.migrating import Project, run
from support.paths import ROOT

MIGRATE = ROOT / "runtime" / "adi_analytics" / "migrate"
TEMPLATES = ROOT / "codegen" / "adi_analytics_codegen" / "templates" / "sql"
SQL_FIELDS = {"sql", "select", "definition", "where", "by_chunk", "replacing", "as_view", "unqualified"}


@pytest.mark.parametrize(
    "name", ["plain", 'a"quote', "an'apostrophe", "größe", "a{brace}", "100%", "{0.live}", "x" * 63]
)
def test_names_are_written_in_the_form_that_the_place_asks_for(name: str) -> None:
    template = View(
        "view {0.live:plain}",
        "{0.live:plain}",
        ["{{0.live}}"],
        Sql("select {0.name}, {0.name:literal}, {0.name:regclass}, '{{}}' from {1.live}"),
    )

    made = filled(template, [Names(name, f"{name}!", "", ""), Names("", "other", "", "")])

    identifier = '"' + name.replace('"', '""') + '"'
    as_literal, regclass = ("'" + text.replace("'", "''") + "'" for text in (name, identifier))
    assert made.step == f"view {name}!"
    assert made.object == f"{name}!"
    assert made.columns == ["{0.live}"]
    assert made.select == Sql(f"select {identifier}, {as_literal}, {regclass}, '{{}}' from \"other\"")


def test_sql_has_no_methods_to_take_it_apart() -> None:
    methods = [name for name in dir(str) if not name.startswith("__")]
    assert [name for name in methods if hasattr(Sql("select 1"), name)] == []
    for operation in ("'x' in sql", "sql[0]", "list(sql)", "len(sql)", "re.match('x', sql)", "sql + 'x'"):
        with pytest.raises(TypeError):
            eval(operation, {"sql": Sql("select 1"), "re": re})


def test_the_migrator_turns_no_sql_into_a_string_to_look_into_it() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(MIGRATE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.expr) and _is_text_of_sql(node)
    ]
    assert found == []


def _is_text_of_sql(node: ast.AST) -> bool:
    """Whether this is `str(statement.sql)` or an f-string of nothing else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str":
        return any(_is_sql(argument) for argument in node.args)
    if isinstance(node, ast.JoinedStr) and len(node.values) == 1:
        value = node.values[0]
        return isinstance(value, ast.FormattedValue) and _is_sql(value.value)
    return False


def _is_sql(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in SQL_FIELDS


def test_analytics_meta_is_defined_in_one_place() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.jinja")}
    assert [name for name, text in texts.items() if re.search(r"create [^(]*analytics_meta", text)] == []
    for backend in BACKENDS:
        objects = [*own_record(), *machinery(backend)]
        assert {"schema analytics_meta", "table migrations", "table late_buckets", "procedure maintain"} <= {
            entry.step for entry in objects
        }
        for entry in objects:
            assert f"{entry.sql}" != f"{entry.unqualified}" or entry.kind == "schema"


def test_steps_are_those_of_the_files() -> None:
    steps = [
        line.removeprefix("-- step: ")
        for path in sorted((MIGRATE / "sql").glob("*.sql"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("-- step: ")
    ]
    read = {entry.step for backend in BACKENDS for entry in [*own_record(), *machinery(backend)]}
    assert set(steps) == read


def _older(path: Path) -> None:
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, "format": 1}), encoding="utf-8")


def test_a_manifest_of_the_first_format_is_to_be_generated_again(made: Project) -> None:
    _older(made.manifest)
    with pytest.raises(UsageError, match="has format 1; this library reads format 2") as caught:
        load_manifest(made.manifest)
    assert "analytics-codegen generate" in caught.value.remedy


def test_a_snapshot_of_the_first_format_is_to_be_written_again(made: Project) -> None:
    _older(made.migrations / "catalog.snapshot.json")
    with pytest.raises(HistoryError, match="has format 1; this library reads format 2") as caught:
        made.new("x")
    assert "analytics-codegen generate" in caught.value.remedy
    assert "copy DIR/catalog.snapshot.json here" in caught.value.remedy


def test_the_way_to_a_new_snapshot_leads_to_the_same_one(made: Project, tmp_path: Path) -> None:
    migrate.new(migrations=tmp_path / "empty", manifest=made.manifest)
    assert load_snapshot(tmp_path / "empty") == load_snapshot(made.migrations)


@pytest.mark.parametrize("place", ["{9.live}", "{0.nothing}", "{0.live:form}", "{x}", "{"])
def test_a_place_that_does_not_exist_is_found_when_the_manifest_is_read(made: Project, place: str) -> None:
    document = json.loads(made.manifest.read_bytes())
    document["aggregates"][0]["views"][0]["select"] = f"select {place}"
    made.manifest.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match="is no manifest"):
        load_manifest(made.manifest)


def test_a_damaged_place_of_a_snapshot_is_named_with_its_statement(made: Project) -> None:
    path = made.migrations / "catalog.snapshot.json"
    document = json.loads(path.read_bytes())
    entry = document["aggregates"][0]
    entry["ddl"]["postgres"]["create"][0]["definition"] = "({0.name:bad} int)"
    path.write_text(json.dumps(document), encoding="utf-8")

    ended = run("check", "--migrations", made.migrations, "--manifest", made.manifest)

    assert ended.code == 5
    assert str(path) in ended.err
    assert f"aggregate {entry['name']} (version 1), backend postgres, statement 'table {{0.name:plain}}'" in ended.err
    assert "the place {0.name:bad} stands for no name; expected {N.name}" in ended.err
    assert "Restore the file from git" in ended.err


def test_a_kind_that_is_unknown_is_an_error(made: Project) -> None:
    document = json.loads(made.manifest.read_bytes())
    document["storage_ddl"]["postgres"]["create"][0]["kind"] = "sequence"
    made.manifest.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UsageError, match="is no manifest"):
        load_manifest(made.manifest)


def test_a_snapshot_is_read_as_it_was_written(made: Project) -> None:
    assert load_snapshot(made.migrations) == load_manifest(made.manifest)
