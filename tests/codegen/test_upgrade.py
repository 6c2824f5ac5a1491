"""A catalog of an older format as one of the newest: only the format changes, and only in a catalog without errors."""

import json
import os

import pytest
from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.load.source.files import read_file
from adi_analytics_codegen.model.fingerprint import fingerprint
from support.codegen.projects import minimal

REST = "domains: {web: The site}\nevents: {seen: {domain: web, description: Seen.}}\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("catalog: {format: 1, name: small}\n", "catalog: {format: 2, name: small}\n"),
        ("# one\r\ncatalog:\r\n  name: small\r\n  format:   1  # why 1\r\n",
         "# one\r\ncatalog:\r\n  name: small\r\n  format:   2  # why 1\r\n"),
        ("\ufeffcatalog: {name: small, format: 1}\n", "\ufeffcatalog: {name: small, format: 2}\n"),
        ('# é "format: 1"\ncatalog: {"name": small, "format": 0x1}\n',
         '# é "format: 1"\ncatalog: {"name": small, "format": 2}\n'),
        ("catalog:\n  format:\n    +1\n  name: small\n", "catalog:\n  format:\n    2\n  name: small\n"),
    ],
    ids=["plain", "crlf-and-comment", "byte-order-mark", "other-texts", "line-below"],
)  # fmt: skip
def test_only_the_format_changes(project, capsys, old, new):
    project.catalog.write_bytes((old + REST).encode())
    project.catalog.chmod(0o640)
    before = fingerprint(load_catalog(project.catalog))
    assert project.run("upgrade") == 0
    assert "is of format 2 now, and was of format 1" in capsys.readouterr().out
    assert project.catalog.read_bytes() == (new + REST).encode()
    assert project.catalog.stat().st_mode & 0o777 == 0o640
    assert fingerprint(load_catalog(project.catalog)) == before
    assert [path.name for path in project.folder.iterdir()] == ["events.yaml"]


def test_an_upgraded_catalog_stays_as_it_is(project, capsys):
    project.write(minimal(catalog={"format": 2, "name": "small"}))
    before = project.catalog.stat()
    assert project.run("upgrade") == 0
    assert "is of format 2, the newest" in capsys.readouterr().out
    assert project.catalog.stat() == before


def test_a_dry_run_shows_the_line_and_writes_nothing(project, capsys):
    project.write("catalog: {format: 1, name: small}\n" + REST)
    before = project.catalog.read_bytes()
    assert project.run("upgrade", "--dry-run") == 0
    shown = capsys.readouterr().out.splitlines()
    assert "-catalog: {format: 1, name: small}" in shown
    assert "+catalog: {format: 2, name: small}" in shown
    assert project.catalog.read_bytes() == before


@pytest.mark.parametrize("dry", [True, False])
def test_json_says_what_was_done(project, capsys, dry):
    project.write("catalog: {format: 1, name: small}\n" + REST)
    assert project.run("upgrade", "--format", "json", *["--dry-run"] * dry) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"file": str(project.catalog), "was": 1, "is": 2, "written": not dry}


@pytest.mark.parametrize("text", [
    "catalog: {format: 1, name: small}\nevents: {a: {domian: web}}\n",
    "catalog: {format: 3, name: small}\n",
    "catalog: {format: true, name: small}\n",
    "catalog: {name: small}\n",
    "catalog: 1\n",
    "catalog: {format: 1, format: 1, name: small}\n",
    "catalog: [\n",
    "- 1\n",
    "",
])  # fmt: skip
def test_a_catalog_with_errors_is_refused(project, capsys, text):
    project.write(text)
    assert project.run("upgrade") == 1
    assert f"{project.catalog}:" in capsys.readouterr().err
    assert project.catalog.read_text() == text


def test_a_format_that_is_an_alias_is_refused(project, capsys):
    text = "domains: {web: &one 1}\ncatalog: {format: *one, name: small}\n"
    project.write(text)
    assert project.run("upgrade") == 2
    assert f"{project.catalog}:1:" in (told := capsys.readouterr().err)
    assert "Write `format: 2` by hand" in told
    assert project.catalog.read_text() == text


def test_a_link_stays_one(project):
    project.write("catalog: {format: 1, name: small}\n" + REST, "kept/real.yaml")
    project.catalog.symlink_to(project.folder / "kept" / "real.yaml")
    assert project.run("upgrade") == 0
    assert project.catalog.is_symlink()
    assert "format: 2" in (project.folder / "kept" / "real.yaml").read_text()


def test_a_file_that_is_not_there_or_cannot_be_written_is_told(project, capsys):
    assert project.run("upgrade") == 1
    assert "No such file" in capsys.readouterr().err
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    project.write("catalog: {format: 1, name: small}\n" + REST)
    before = read_file(project.catalog)
    project.folder.chmod(0o500)
    try:
        assert project.run("upgrade") == 2
        assert str(project.catalog) in capsys.readouterr().err
        assert read_file(project.catalog) == before
    finally:
        project.folder.chmod(0o700)
