"""Migration files: names, headers, steps, checksums and the lock."""

from __future__ import annotations

from pathlib import Path

import pytest
from adi_analytics.migrate import HistoryError, MigrationChecksumError, UsageError
from adi_analytics.migrate.files import migration
from support.migrating import SQL, write


@pytest.mark.parametrize(
    "raw",
    [
        b"create table a;\r\nselect 1;\r\n",
        b"\xef\xbb\xbfcreate table a;\nselect 1;\n",
        b"create table a;   \nselect 1;\t\n\n\n",
        b"create table a;\nselect 1;",
        b"create table a;\rselect 1;\r",
    ],
)
def test_a_checksum_is_of_the_words_not_of_the_editor(raw: bytes) -> None:
    assert migration.normalise(raw) == "create table a;\nselect 1;\n"


def test_header_and_steps_are_read(tmp_path: Path) -> None:
    text = (
        "-- why: an index\n-- phase: post\n-- transaction: off\n-- lock-timeout: 2s\n-- destructive:"
        " yes\n-- backfill: a_v1 b_v1\n"
        "-- step: one\ncreate index concurrently if not exists i on a (i);\n-- step: two\nselect 1;\n"
    )
    write(tmp_path, "0001_post_index", text)

    (file,) = migration.load_migrations(tmp_path, "postgres")

    assert file.header == migration.Header(
        transaction=False, lock_timeout="2s", destructive=True, backfill=("a_v1", "b_v1"), why=("an index",)
    )
    assert [step.name for step in file.steps] == ["one", "two"]
    assert file.steps[1].sql == "select 1;"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("0001_during_a", SQL, "not the name of a migration"),
        ("1_pre_a", SQL, "not the name of a migration"),
        ("0002_pre_a", SQL, "0001 is missing"),
        ("0001_post_a", SQL, "the directory's name says 'post'"),
        ("0001_pre_a", "select 1;\n", "says phase None"),
        ("0001_pre_a", "-- phase: pre\n-- transaction: maybe\n", "neither on/off"),
        ("0001_pre_a", "-- phase: pre\n-- transaction: off\nselect 1;\n", "`-- step: name` lines"),
        ("0001_pre_a", "-- phase: pre\n-- transaction: off\n-- step: a\n-- step: a\n", "a name of its own"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    write(tmp_path, name, text)

    with pytest.raises(HistoryError, match=words.replace("(", r"\(")) as caught:
        migration.load_migrations(tmp_path, "postgres")

    assert caught.value.exit_code == 5
    assert caught.value.remedy
    assert caught.value.path is not None
    assert caught.value.path.is_relative_to(tmp_path)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    write(tmp_path, "0001_pre_a").write_bytes(b"-- phase: pre\n\xff\n")

    with pytest.raises(HistoryError, match="not UTF-8"):
        migration.load_migrations(tmp_path, "postgres")


def test_a_backend_without_a_file_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "0001_pre_a", variant="timescaledb")

    with pytest.raises(HistoryError, match=r"expected either postgres.sql or common.sql, found timescaledb.sql"):
        migration.load_migrations(tmp_path, "postgres")


def test_an_edited_file_differs_from_the_lock(tmp_path: Path) -> None:
    path = write(tmp_path, "0001_pre_a")
    path.write_text(SQL + "select 2;\n")

    with pytest.raises(MigrationChecksumError, match="was edited"):
        migration.load_migrations(tmp_path, "postgres")


def test_a_file_without_a_line_in_the_lock_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "0001_pre_a", lock=False)

    with pytest.raises(MigrationChecksumError, match="has no line"):
        migration.load_migrations(tmp_path, "postgres")


def test_a_line_in_the_lock_without_a_file_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "0001_pre_a")
    with (tmp_path / "migrations.lock").open("a") as lock:
        lock.write("0002 post postgres abc\n")

    with pytest.raises(HistoryError, match="lists 0002 post postgres, but its directory is missing"):
        migration.load_migrations(tmp_path, "postgres")


def test_a_damaged_lock_names_its_line(tmp_path: Path) -> None:
    write(tmp_path, "0001_pre_a")
    with (tmp_path / "migrations.lock").open("a") as lock:
        lock.write("<<<<<<< HEAD\n")

    with pytest.raises(HistoryError, match=r"migrations.lock:2"):
        migration.load_migrations(tmp_path, "postgres")


def test_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        migration.load_migrations(tmp_path / "nowhere", "postgres")
