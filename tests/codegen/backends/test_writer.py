"""What reaches the disk."""

import errno
from pathlib import Path

import pytest
from adi_analytics_codegen.backends.writer import ForeignFilesError, compare, write

MARK = "by analytics-codegen\n"
FILES = {"a/one.txt": f"{MARK}1\n", "a/b/two.txt": f"{MARK}é\n"}


def test_what_is_right_already_is_left_alone(tmp_path):
    assert sorted(write(tmp_path, FILES, ["a"]).written) == sorted(FILES)
    before = (tmp_path / "a" / "one.txt").stat().st_mtime_ns
    again = write(tmp_path, FILES | {"a/one.txt": f"{MARK}1\n"}, ["a"])
    assert (again.written, again.unchanged) == ([], 2)
    assert (tmp_path / "a" / "one.txt").stat().st_mtime_ns == before
    assert (tmp_path / "a" / "b" / "two.txt").read_bytes() == f"{MARK}é\n".encode()


def test_stale_files_and_empty_folders_go(tmp_path):
    write(tmp_path, FILES, ["a"])
    del (left := dict(FILES))["a/b/two.txt"]
    assert write(tmp_path, left, ["a"]).deleted == ["a/b/two.txt"]
    assert not (tmp_path / "a" / "b").exists()
    assert compare(tmp_path, left, ["a"]) == []


def test_other_folders_and_caches_are_nobodys_business(tmp_path):
    write(tmp_path, FILES, ["a"])
    for path in ("c/mine.txt", "a/__pycache__/x.pyc"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    assert compare(tmp_path, FILES, ["a"]) == []
    assert write(tmp_path, FILES, ["a"]).deleted == []


@pytest.mark.parametrize("text", ["", "a thesis"])
@pytest.mark.parametrize("before", [{}, FILES], ids=["new", "again"])
def test_files_of_somebody_else_stop_everything(tmp_path, text, before):
    write(tmp_path, before, ["a"])
    (tmp_path / "a").mkdir(exist_ok=True)
    (tmp_path / "a" / "mine.txt").write_text(text)
    with pytest.raises(ForeignFilesError, match=r"mine\.txt"):
        write(tmp_path, FILES | {"a/more.txt": MARK}, ["a"])
    assert (tmp_path / "a" / "mine.txt").read_text() == text
    assert not (tmp_path / "a" / "more.txt").exists()


def test_a_file_of_somebody_else_is_not_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_text("a thesis")
    with pytest.raises(ForeignFilesError, match=r"one\.txt"):
        write(tmp_path, FILES, ["a"])
    assert (tmp_path / "a" / "one.txt").read_text() == "a thesis"


def test_what_a_full_disk_left_empty_is_written(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").touch()
    assert sorted(write(tmp_path, FILES, ["a"]).written) == sorted(FILES)


def test_hidden_files_are_nobodys_business(tmp_path):
    write(tmp_path, FILES, ["a"])
    (tmp_path / "a" / ".DS_Store").touch()
    assert compare(tmp_path, FILES, ["a"]) == []


def test_a_file_is_old_or_new_and_nothing_is_left_behind(tmp_path, monkeypatch):
    write(tmp_path, FILES, ["a"])

    def refuse(_self, _target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space") as caught:
        write(tmp_path, FILES | {"a/one.txt": "2\n"}, ["a"])
    assert caught.value.filename == str(tmp_path / "a" / "one.txt")
    assert (tmp_path / "a" / "one.txt").read_text() == FILES["a/one.txt"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["b", "one.txt"]


@pytest.mark.parametrize("present", [b"1\r\n2\r\n3\n", b"1\n2\r\n3\r\n"])
def test_line_ends_of_windows_are_no_difference(tmp_path, present):
    files = {"a/one.txt": "1\n2\n3\n"}
    write(tmp_path, files, ["a"])
    (tmp_path / "a" / "one.txt").write_bytes(present)
    assert compare(tmp_path, files, ["a"]) == []
    assert (write(tmp_path, files, ["a"]).unchanged, (tmp_path / "a" / "one.txt").read_bytes()) == (1, present)


def test_an_edit_of_a_file_with_line_ends_of_windows_is_shown_alone(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"1 analytics-codegen\r\ntwo\r\n")
    text = "1 analytics-codegen\n2\n"
    (difference,) = compare(tmp_path, {"a/f": text}, ["a"])
    assert difference.diff.splitlines()[3:] == [" 1 analytics-codegen", "-two", "+2", " "]
    write(tmp_path, {"a/f": text}, ["a"])
    assert (tmp_path / "a" / "f").read_bytes() == text.encode()


@pytest.mark.parametrize(("present", "shown"), [(b"a\r", "-a\\r"), (b"a\r\r\n", "-a\\r"), (b"a", "+"), (b"a\n\n", "-")])
def test_a_difference_in_the_ends_of_lines_is_shown(tmp_path, present, shown):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(present)
    (difference,) = compare(tmp_path, {"a/f": "a\n"}, ["a"])
    assert shown in difference.diff.splitlines()
