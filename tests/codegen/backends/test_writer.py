"""What reaches the disk."""

from pathlib import Path

import pytest
from adi_analytics_codegen.backends.writer import ForeignFilesError, compare, write

FILES = {"a/one.txt": "1\n", "a/b/two.txt": "é\n"}
MARKED = {**FILES, "a/marked.txt": "by analytics-codegen\n"}


def test_what_is_right_already_is_left_alone(tmp_path):
    assert sorted(write(tmp_path, FILES, ["a"]).written) == sorted(FILES)
    before = (tmp_path / "a" / "one.txt").stat().st_mtime_ns
    again = write(tmp_path, FILES | {"a/one.txt": "1\n"}, ["a"])
    assert (again.written, again.unchanged) == ([], 2)
    assert (tmp_path / "a" / "one.txt").stat().st_mtime_ns == before
    assert (tmp_path / "a" / "b" / "two.txt").read_bytes() == "é\n".encode()


def test_stale_files_and_empty_folders_go(tmp_path):
    write(tmp_path, MARKED, ["a"])
    del (left := dict(MARKED))["a/b/two.txt"]
    assert write(tmp_path, left, ["a"]).deleted == ["a/b/two.txt"]
    assert not (tmp_path / "a" / "b").exists()
    assert compare(tmp_path, left, ["a"]) == []


def test_other_folders_and_caches_are_nobodys_business(tmp_path):
    write(tmp_path, MARKED, ["a"])
    for path in ("c/mine.txt", "a/__pycache__/x.pyc"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).touch()
    assert compare(tmp_path, MARKED, ["a"]) == []
    assert write(tmp_path, MARKED, ["a"]).deleted == []


def test_files_of_somebody_else_stop_everything(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.txt").touch()
    with pytest.raises(ForeignFilesError, match=r"mine\.txt"):
        write(tmp_path, MARKED, ["a"])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["mine.txt"]


def test_a_file_is_old_or_new_and_nothing_is_left_behind(tmp_path, monkeypatch):
    write(tmp_path, FILES, ["a"])

    def refuse(_self, _target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, FILES | {"a/one.txt": "2\n"}, ["a"])
    assert (tmp_path / "a" / "one.txt").read_text() == "1\n"
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
    (tmp_path / "a" / "f").write_bytes(b"1\r\ntwo\r\n")
    (difference,) = compare(tmp_path, {"a/f": "1\n2\n"}, ["a"])
    assert difference.diff.splitlines()[3:] == [" 1", "-two", "+2", " "]
    write(tmp_path, {"a/f": "1\n2\n analytics-codegen"}, ["a"])
    assert (tmp_path / "a" / "f").read_bytes() == b"1\n2\n analytics-codegen"


@pytest.mark.parametrize(("present", "shown"), [(b"a\r", "-a\\r"), (b"a\r\r\n", "-a\\r"), (b"a", "+"), (b"a\n\n", "-")])
def test_a_difference_in_the_ends_of_lines_is_shown(tmp_path, present, shown):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(present)
    (difference,) = compare(tmp_path, {"a/f": "a\n"}, ["a"])
    assert shown in difference.diff.splitlines()
