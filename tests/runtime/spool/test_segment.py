"""A segment of the spool gives back what is whole in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from adi_analytics._engine.spool.segment import MAGIC, ROW_START, SegmentWriter, read_segment
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path


ROWS = st.lists(st.binary(max_size=60).map(lambda tail: ROW_START + tail), max_size=20)


@given(rows=ROWS, cut=st.integers(0, 100))
def test_a_cut_segment_gives_its_whole_records(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], cut: int
) -> None:
    path = _written(tmp_path_factory.mktemp("spool"), rows)
    data = path.read_bytes()
    path.write_bytes(data[: max(len(data) - cut, 0)])
    content = read_segment(path)
    assert content.rows == rows[: len(content.rows)]
    assert not content.damaged
    assert len(content.rows) == len(rows) or cut > 0


@given(rows=ROWS.filter(bool), data=st.data())
def test_a_flipped_bit_costs_at_most_the_record_it_hit(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], data: st.DataObject
) -> None:
    path = _written(tmp_path_factory.mktemp("spool"), rows)
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(len(MAGIC), len(content) - 1))
    content[position] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    found = read_segment(path).rows
    ends, end = [], len(MAGIC)
    for row in rows:
        end += 8 + len(row)
        ends.append(end)
    hit = next(number for number, end in enumerate(ends) if position < end)
    # Rows with the same bytes as a record inside of another one could appear; none of those that were not hit is lost.
    assert [row for number, row in enumerate(rows) if number != hit] == found


@pytest.mark.parametrize("zeros", [3, 8, 4096])
def test_zeros_that_a_power_cut_leaves_behind_the_last_record_are_no_rows(tmp_path: Path, zeros: int) -> None:
    """A file system may make a file longer before it writes what was appended."""
    rows = [ROW_START + b"a", ROW_START + b"b"]
    path = _written(tmp_path, rows)
    path.write_bytes(path.read_bytes() + bytes(zeros))
    content = read_segment(path)
    assert (content.rows, content.damaged) == (rows, False)


@given(rows=ROWS, data=st.data())
def test_edges_of_batches_are_where_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[bytes], data: st.DataObject
) -> None:
    edges = data.draw(st.lists(st.integers(0, len(rows)), unique=True).map(sorted))
    path = tmp_path_factory.mktemp("spool") / "a.segment"
    writer = SegmentWriter(path, 0.0)
    writer.append(rows, edges)
    writer.append(rows[:1])
    writer.close()
    content = read_segment(path)
    assert (content.rows, content.edges, content.damaged) == (rows + rows[:1], tuple(edges), False)
    assert (writer.count, path.stat().st_size) == (len(content.rows), writer.size)


def _written(directory: Path, rows: list[bytes]) -> Path:
    writer = SegmentWriter(directory / "a.segment", 0.0)
    for row in rows:
        writer.append([row])
    writer.close()
    return directory / "a.segment"
