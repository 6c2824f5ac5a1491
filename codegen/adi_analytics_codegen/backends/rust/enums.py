"""Enums in Rust, with what reads and writes their values: texts, or whole numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adi_analytics_codegen.backends.describe import enum_value_text, sentence
from adi_analytics_codegen.backends.rust.layout import arm, doc, rust_string
from adi_analytics_codegen.model.text.spelling import variant

if TYPE_CHECKING:
    from adi_analytics_codegen.model.fields import Enum, EnumValue


def enum_text(enum: Enum) -> str:
    """Return the type of *enum*, with what reads and writes its values."""
    name, other = enum.class_name, _other(enum)
    notes = "\n\nMore values may come." if enum.open else ""
    lines = [doc(sentence(enum.description or f"Values of {enum.name}") + notes).rstrip("\n")]
    lines.append("#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]")
    if enum.is_int:
        reading = "from" if enum.open else "try_from"
        lines += [f'#[serde({reading} = "i64", into = "i64")]', *([] if enum.open else ["#[repr(i64)]"])]
    elif enum.open:
        lines.append('#[serde(from = "String", into = "String")]')
    lines.append(f"pub enum {name} {{")
    for value in enum.values:
        lines += _member(enum, value)
    if enum.open:
        kind = "i64" if enum.is_int else "String"
        lines += ["    /// A value that this catalog does not list.", f"    {other}({kind}),"]
    lines.append("}")
    methods = _number_methods(enum, other) if enum.is_int else _text_methods(enum, other)
    return "\n".join([*lines, "", *methods])


def _member(enum: Enum, value: EnumValue) -> list[str]:
    text = enum_value_text(value)
    lines = [doc(text, 4).rstrip("\n")] if text else []
    if not enum.is_int and not enum.open:
        lines.append(f"    #[serde(rename = {rust_string(value.name)})]")
    number = f" = {value.number}" if enum.is_int and not enum.open else ""
    return [*lines, f"    {variant(value)}{number},"]


def _number_methods(enum: Enum, other: str) -> list[str]:
    name = enum.class_name
    lines = [
        f"impl {name} {{",
        "    /// The value as JSON has it.",
        "    pub fn as_i64(&self) -> i64 {",
        "        match self {",
        *(arm(f"Self::{variant(value)}", str(value.number), 12) for value in enum.values),
        *([f"            Self::{other}(number) => *number,"] if enum.open else []),
        "        }",
        "    }",
        "",
        "    /// The value that JSON has as `number`, if the catalog lists it.",
        "    pub fn listed(number: i64) -> Option<Self> {",
        "        match number {",
        *(arm(str(value.number), f"Some(Self::{variant(value)})", 12) for value in enum.values),
        "            _ => None,",
        "        }",
        "    }",
        "",
        f"    fn is_known({'_' if enum.open else ''}number: i64) -> bool {{",
        "        true" if enum.open else "        Self::listed(number).is_some()",
        "    }",
        "}",
        "",
    ]
    if enum.open:
        lines += _from("i64", name, f"Self::listed(number).unwrap_or(Self::{other}(number))", "number")
    else:
        lines += [
            f"impl TryFrom<i64> for {name} {{",
            "    type Error = String;",
            "",
            "    fn try_from(number: i64) -> Result<Self, String> {",
            '        Self::listed(number).ok_or_else(|| format!("{number} is no value of the enum"))',
            "    }",
            "}",
        ]
    return [*lines, "", *_from(name, "i64", "value.as_i64()", "value")]


def _text_methods(enum: Enum, other: str) -> list[str]:
    name = enum.class_name
    kind = "&str" if enum.open else "&'static str"
    text = [arm(f"Self::{variant(value)}", rust_string(value.name), 12) for value in enum.values]
    known = [arm(rust_string(value.name), f"Some(Self::{variant(value)})", 12) for value in enum.values]
    lines = [
        f"impl {name} {{",
        "    /// The value as JSON has it.",
        f"    pub fn as_str(&self) -> {kind} {{",
        "        match self {",
        *text,
        *([f"            Self::{other}(text) => text,"] if enum.open else []),
        "        }",
        "    }",
        "",
        "    /// The value that JSON has as `text`, if the catalog lists it.",
        "    pub fn listed(text: &str) -> Option<Self> {",
        "        match text {",
        *known,
        "            _ => None,",
        "        }",
        "    }",
        "",
        f"    fn is_known({'_' if enum.open else ''}text: &str) -> bool {{",
        "        true" if enum.open else "        Self::listed(text).is_some()",
        "    }",
        "}",
    ]
    if not enum.open:
        return lines
    reading = _from("String", name, f"Self::listed(&text).unwrap_or(Self::{other}(text))", "text")
    return [*lines, "", *reading, "", *_from(name, "String", "value.as_str().to_owned()", "value")]


def _from(given: str, made: str, code: str, called: str) -> list[str]:
    return [
        f"impl From<{given}> for {made} {{",
        f"    fn from({called}: {given}) -> Self {{",
        f"        {code}",
        "    }",
        "}",
    ]


def _other(enum: Enum) -> str:
    """Return the variant of the values that an open *enum* does not list."""
    taken, name = {variant(value) for value in enum.values}, "Other"
    while name in taken:
        name += "Value"
    return name
