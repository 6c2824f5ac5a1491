"""The release recipe: builds that can be repeated, an sdist that packs a list, and the check before a tag."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.packages import build
from support.paths import ROOT

TOOLS = shutil.ignore_patterns(
    ".git", ".venv", ".nox", "node_modules", "dist", "__pycache__", ".*_cache", ".hypothesis"
)
READY = "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-26\n\n### Added\n\n- A thing.\n"


@pytest.fixture(scope="module")
def release():
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def copy_for_the_group(source, target):
    shutil.copy(source, target)
    Path(target).chmod(Path(target).stat().st_mode | 0o060)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the checkout: younger, made with another umask, and with folders and files that belong to nothing."""
    copy = tmp_path_factory.mktemp("copy") / "checkout"
    shutil.copytree(ROOT, copy, ignore=TOOLS, copy_function=copy_for_the_group)
    for stray in ("myenv/lib/secret.py", "notes/plan.md", "secrets.txt", "dump.sql", "tests/.venv/bin/python"):
        (copy / stray).parent.mkdir(parents=True, exist_ok=True)
        (copy / stray).write_text("not ours\n")
    return copy


@pytest.fixture(scope="module")
def built_from_copy(copy, tmp_path_factory):
    return build(copy, tmp_path_factory.mktemp("dist-of-copy"))


def test_stray_folders_and_files_stay_out(built_from_copy, sdist):
    _, from_copy = built_from_copy
    with tarfile.open(from_copy) as archive, tarfile.open(sdist) as expected:
        assert sorted(archive.getnames()) == sorted(expected.getnames())
        assert not [name for name in archive.getnames() if "myenv" in name or "secret" in name]


def test_a_build_of_a_copy_has_the_same_bytes(built_from_copy, built):
    """Other times of change, other rights of files, another folder: the archives are equal all the same."""
    assert [path.read_bytes() for path in built_from_copy] == [path.read_bytes() for path in built]


def test_the_time_in_the_archives_is_the_commits(copy, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    wheel, sdist = build(copy, tmp_path)
    with tarfile.open(sdist) as archive:
        assert {member.mtime for member in archive} == {1_700_000_000}
    with zipfile.ZipFile(wheel) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}


def commit(folder, message="all"):
    identity = {"GIT_CONFIG_GLOBAL": os.devnull} | {
        f"GIT_{who}_{what}": "someone@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    for command in (["add", "--all"], ["commit", "--quiet", "--message", message]):
        subprocess.run(["git", "-C", folder, *command], check=True, env=os.environ | identity)


@pytest.fixture
def ready(tmp_path):
    """A checkout that is ready for a release of 1.2.0."""
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "thing"\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(READY)
    commit(tmp_path)
    return tmp_path


def tag(folder, name):
    subprocess.run(["git", "-C", folder, "tag", name], check=True)


def test_a_ready_checkout_has_no_problems(release, ready):
    assert list(release.problems(ready)) == []
    tag(ready, "v1.2.0")
    assert list(release.problems(ready)) == []


def test_a_changed_work_tree_is_a_problem(release, ready):
    (ready / "stray.txt").write_text("x")
    (problem,) = release.problems(ready)
    assert "stray.txt" in problem


def test_a_tag_on_another_commit_is_a_problem(release, ready):
    tag(ready, "v1.2.0")
    (ready / "more.txt").write_text("x")
    commit(ready)
    (problem,) = release.problems(ready)
    assert problem.startswith("the tag v1.2.0 is on another commit")


@pytest.mark.parametrize(
    ("changelog", "expected"),
    [
        (READY.replace("## [Unreleased]\n\n", ""), "the first section must be `## [Unreleased]`"),
        (READY.replace("[Unreleased]\n", "[Unreleased]\n\n- Late.\n"), "[Unreleased] has entries"),
        (READY.replace("1.2.0", "1.1.0"), "under [Unreleased] comes 1.1.0, expected [1.2.0]"),
        (READY.replace(" - 2026-11-26", ""), "[1.2.0] has no date"),
        ("# Changelog\n\n## [Unreleased]\n", "under [Unreleased] comes nothing, expected [1.2.0]"),
    ],
)
def test_a_changelog_that_does_not_fit_is_a_problem(release, ready, changelog, expected):
    (ready / "CHANGELOG.md").write_text(changelog)
    commit(ready)
    (problem,) = release.problems(ready)
    assert expected in problem


def test_a_version_under_development_is_a_problem(release, ready):
    for name in ("pyproject.toml", "CHANGELOG.md"):
        (ready / name).write_text((ready / name).read_text().replace("1.2.0", "1.2.0.dev1"))
    commit(ready)
    (problem,) = release.problems(ready)
    assert problem.startswith("pyproject.toml: version 1.2.0.dev1 is not a release")


def test_differing_builds_are_named(release, tmp_path):
    for folder, names in {"one": {"same": "a", "other": "b", "only": "c"}, "two": {"same": "a", "other": "x"}}.items():
        (tmp_path / folder).mkdir()
        for name, text in names.items():
            (tmp_path / folder / name).write_text(text)
    assert release.differences(tmp_path / "one", tmp_path / "two") == ["only", "other"]


def test_the_next_steps_name_files_and_tag(release, ready):
    dist = ready / "dist"
    dist.mkdir()
    (dist / "thing-1.2.0.whl").write_bytes(b"")
    steps = release.next_steps(ready, dist)
    assert "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  thing-1.2.0.whl" in steps
    assert "git tag --annotate v1.2.0" in steps
    tag(ready, "v1.2.0")
    assert "git tag" not in release.next_steps(ready, dist)
