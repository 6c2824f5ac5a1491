"""What an answer of ClickHouse means for a batch."""

from __future__ import annotations

import pytest
from adi_analytics._engine.delivery.faults import Verdict
from adi_analytics._engine.stores.clickhouse_faults import UnfitTableError, UnstorableRowError, fault_of
from adi_analytics._shared.clickhouse.errors import UnreachableServerError, refusal

RETRY, HOLD, ROW = Verdict.RETRY, Verdict.HOLD, Verdict.ROW


@pytest.mark.parametrize(
    ("status", "code", "verdict", "of_rows"),
    [
        *((500, code, RETRY, False) for code in (202, 209, 210, 225, 242, 252, 285, 319, 999)),
        *((500, code, RETRY, True) for code in (159, 160, 241)),
        *((404, code, HOLD, False) for code in (16, 60, 81, 115, 164, 192, 194, 497, 516)),
        *((400, code, ROW, True) for code in (27, 33, 53, 70, 131, 321, 395, 469)),
        *((500, code, HOLD, True) for code in (49, 117, 1001, 1002, 99999)),
        *((status, None, RETRY, False) for status in (408, 429, 500, 502, 503, 504)),
        *((status, None, HOLD, False) for status in (200, 301, 400, 401, 403, 404)),
        (413, None, HOLD, True),
    ],
)
def test_verdicts(status: int, code: int | None, verdict: Verdict, *, of_rows: bool) -> None:
    text = b"" if code is None else b"Code: %d. DB::Exception: x. (NAME) (version 26.9)" % code
    for header in (None if code is None else str(code), None, "none"):
        fault = fault_of(refusal(status, header, text))
        assert (fault.verdict, fault.of_rows) == (verdict, of_rows)
        assert fault.code == (None if code is None else str(code))


def test_what_is_no_answer() -> None:
    silent = fault_of(UnreachableServerError("ReadTimeout", "db:8123: ReadTimeout"))
    assert (silent.verdict, silent.code, silent.kind, silent.of_rows) == (RETRY, None, "ReadTimeout", False)
    assert silent.text == "db:8123: ReadTimeout"
    assert fault_of(UnfitTableError("no column x")).verdict is HOLD
    row = fault_of(UnstorableRowError("too late", 7))
    assert (row.verdict, row.line, row.message) == (ROW, 7, "too late")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            (
                "Code: 469. DB::Exception: Constraint `c` for table a.b (9607) is violated at row 2."
                " Expression: (t != 'bad'). Column values: t = 'secret'. (VIOLATED_CONSTRAINT) (version 26.9)"
            ),
            2,
            "Constraint `c` for table a.b (9607) is violated at row 2. Expression: (t != 'bad')",
        ),
        (
            (
                "Code: 33. DB::Exception: Code: 33. DB::Exception: Cannot read all data. Bytes read: 7."
                " Bytes expected: 8: (at row 3)\n: While executing BinaryRowInputFormat. (CANNOT_READ_ALL_DATA)"
            ),
            3,
            "Cannot read all data. Bytes read: 7. Bytes expected: 8",
        ),
        (
            (
                "Code: 6. DB::Exception: Cannot parse string 'it\\'s secret' as UInt32: syntax error:"
                " while executing 'x'. (CANNOT_PARSE_TEXT) (version 26.9.2.1)"
            ),
            None,
            "Cannot parse string '***' as UInt32: syntax error: while executing '***'",
        ),
        ("Code: 60. DB::Exception: Table a.b does not exist. (UNKNOWN_TABLE)\n", None, "Table a.b does not exist"),
        ("Code: 1001. DB::Exception: std::exception: what about secret. (STD_EXCEPTION)", None, "STD_EXCEPTION"),
        ("Code: 777. DB::Exception: secret", None, "code 777"),
        ("Code: 60. DB::Exception: " + "x" * 5000, None, "x" * 1000),
    ],
)
def test_messages_are_one_sentence_without_values(text: str, line: int | None, message: str) -> None:
    fault = fault_of(refusal(500, None, text.encode()))
    assert (fault.line, fault.message) == (line, message)
    assert "secret" not in fault.message
    assert "secret" not in fault.text
