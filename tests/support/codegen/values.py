"""Fields of every type, and values that some of them take and others refuse."""

from typing import Any

FIELDS: dict[str, dict[str, Any]] = {
    "number": {"type": "int", "min": 0, "max": 2**63 - 1},
    "any_int": {"type": "int"},
    "price": {"type": "float", "min": 0.5},
    "code": {"type": "string", "pattern": "^[A-Z]{2}-\\d+$", "max_length": 8},
    "words": {"type": "string", "pattern": "^\\w+[^\\s.]$"},
    "line": {"type": "string", "pattern": "^.$"},
    "id": {"type": "uuid"},
    "at": {"type": "datetime"},
    "day": {"type": "date"},
    "money": {"type": "decimal", "precision": 6, "scale": 2},
    "positive": {"type": "decimal", "precision": 4, "scale": 4, "min": 0},
    "whole": {"type": "decimal", "precision": 38, "scale": 0},
    "sums": {"type": "list", "items": {"type": "decimal", "precision": 3, "scale": 1}},
    "gaps": {"type": "list", "items": {"type": "int", "min": 0, "nullable": True}},
    "counts": {"type": "map", "values": {"type": "int", "min": 0, "nullable": True}, "min_items": 1, "max_items": 2},
    "prices": {"type": "map", "values": {"type": "decimal", "precision": 4, "scale": 2}},
    "parcels": {
        "type": "map",
        "values": {"type": "object", "fields": {"to": {"type": "string", "max_length": 3}, "kg": {"type": "int"}}},
        "max_items": 2,
    },
    "series": {"type": "map", "values": {"type": "list", "items": {"type": "int", "min": 0}, "max_items": 2}},
    "pages": {"type": "list", "items": {"type": "map", "values": {"type": "int", "nullable": True}}},
    "levels": {"type": "map", "values": {"type": "map", "values": {"type": "date"}, "min_items": 1, "nullable": True}},
    "url": {"type": "string", "format": "uri"},
    "mail": {"type": "string", "format": "email", "max_length": 40},
    "ip": {"type": "string", "format": "ip"},
    "host": {"type": "string", "format": "hostname"},
    "color": {"type": "enum", "enum": "color"},
    "priority": {"type": "enum", "enum": "priority"},
    "answer": {"type": "enum", "enum": "answer"},
    "answers": {"type": "map", "values": {"type": "enum", "enum": "priority", "nullable": True}},
    "grid": {"type": "list", "items": {"type": "list", "items": {"type": "int"}, "max_items": 2}},
    "place": {"type": "object", "fields": {"city": {"type": "string", "optional": True}, "zip": {"type": "int"}}},
    "extra": {"type": "json"},
}
ENUMS: dict[str, dict[str, Any]] = {
    "color": {"values": {"red": "Red"}},
    "priority": {"type": "int", "values": {"1": "Low", "-5": "None", str(2**63 - 1): {"member": "TOP"}}},
    "answer": {"type": "int", "open": True, "values": {"0": "No", "1": "Yes"}},
}
NUMBERS = [0, -0.0, 1, -1, 1.0, 12.5, 1e3, 1e30, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, True, "1", "1.0"]
STRINGS = [
    "", "AB-12", "AB-\u0661\u0662", "AB-123456", "ab", "\u00e9b", "a\u0085", "a\u00a0", "a\ufeff", "a ",
    "a.", "\u2028", "\r", "red", "Red", "\U0001f600", "e\u0301",
]  # fmt: skip
UUIDS = [
    "0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01", "0190A0B4-5C8E-7D10-8F3E-2B6F5D1C9A01",
    "0190a0b4-5c8e7d10-8f3e-2b6f5d1c9a01", "{0190a0b4-5c8e-7d10-8f3e-2b6f5d1c9a01}",
]  # fmt: skip
DAYS = ["2026-02-28", "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-04-31", "2026-12-31", "0000-01-01",
        "0001-01-01", "0400-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-1"]  # fmt: skip
CLOCKS = [
    "00:00:00Z", "23:59:59.123456789z", "24:00:00Z", "23:59:60Z", "00:00Z", "00:00:00", "00:00:00-23:59",
    "00:00:00+24:00", "00:00:00+01", "00:00:00.Z",
]  # fmt: skip
TIMES = [*(f"{day}T{clock}" for day in DAYS for clock in CLOCKS), "2026-02-28t00:00:00Z", "2026-02-28"]
DECIMALS = ["0", "-0", "0.0", "12.5", "-1234.56", "12345", "1.234", "01", ".5", "5.", "+1", "1e3", "NaN", "Infinity",
            " 1 ", "1_0", "0.1234", "9" * 38, "9" * 39, ""]  # fmt: skip
FORMATTED = [
    "https://x.example/a?b=%20#c", "urn:a:b", "HTTP:x", "http://[::1]/", "http:", "//x.example", "a b:c", "a:b c",
    "a:%2", "a:#b#c", "a:\u00e9", "ada@example.org", "a@b", "@b", "a@", "a@b.", "a@-b", "a b@c",
    "a@" + "b" * 63 + ".c", "a@" + "b" * 64,
    "1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1::2::3",
    "::ffff:1.2.3.4", "fe80::1%eth0", "1:2:3:4:5:6:1.2.3.4", "12345::", "example.org", "a-b.c", "-a", "a.",
    "a..b", "a_b",
    ".".join(["a" * 62] * 4), ".".join(["a" * 63] * 4),
]  # fmt: skip
OTHERS: list[Any] = [
    ["1.5", "-0.5"],
    [1, None, 2.0],
    [None, -1],
    {"a": 1, "b b": None},
    {"a": 1.0},
    {"a": -1},
    {"a": 1, "b": 2, "c": 3},
    {"a": "1.50", "": "-2"},
    {"a": "1.555"},
    {"a": {"b": 1}},
    {"a": -5, "b": None},
    {"a": -5.0},
    {"a": -4},
    {"a": {"to": "Ulm", "kg": 2.0}, "": {"to": "", "kg": -1}},
    {"a": {"to": "Rome", "kg": 2}},
    {"a": {"to": "Ulm"}},
    {"a": {"to": "Ulm", "kg": 2, "lb": 4}},
    {"a": [1, 2.0], "b": []},
    {"a": [-1]},
    {"a": [1, 2, 3]},
    [{"a": 1, "b": None}, {}],
    [{"a": "1"}],
    {"a": {"b": "2026-02-28"}, "c": None},
    {"a": {"b": "2026-02-29"}},
    {"a": {}},
    ["1.55"],
    [1.5],
    None,
    [],
    [[]],
    [[1.0], [2]],
    [[1, 2, 3]],
    [["1"]],
    {},
    {"zip": 1.0},
    {"zip": 1, "city": None},
    {"city": "x"},
]
VALUES = [*NUMBERS, *STRINGS, *UUIDS, *TIMES, *DAYS, *DECIMALS, *FORMATTED, *OTHERS]
