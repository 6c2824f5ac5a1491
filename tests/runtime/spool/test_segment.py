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


def _written(directory: Path, rows: list[bytes]) -> Path:
    writer = SegmentWriter(directory / "a.segment", 0.0)
    for row in rows:
        writer.append([row])
    writer.close()
    return directory / "a.segment"
