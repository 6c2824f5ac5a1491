"""Computed values: the polynomial of a text has the value of the text, whatever the fields are."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from adi_analytics_codegen.model.text.arithmetic import ArithmeticTextError, polynomial
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES = {"a": Fraction(7, 3), "b.c": Fraction(-11), "d": Fraction(1, 1000)}
NUMBERS = ("0", "1", "2", "0.25", "9" * 38, "0." + "0" * 37 + "1")
LEAVES = st.one_of(
    st.sampled_from([*VALUES.items()]),
    st.sampled_from([(text, Fraction(text)) for text in NUMBERS]),
)
Told = tuple[str, Fraction]


def joined(sign: str, compute: Callable[[Fraction, Fraction], Fraction]) -> Callable[[Told, Told], Told]:
    return lambda left, right: (f"({left[0]}{sign}{right[0]})", compute(left[1], right[1]))


EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(joined(" + ", lambda a, b: a + b), inner, inner),
        st.builds(joined("-", lambda a, b: a - b), inner, inner),
        st.builds(joined("* ", lambda a, b: a * b), inner, inner),
        inner.map(lambda one: (f"-{one[0]}", -one[1])),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_a_polynomial_has_the_value_of_its_text(told: Told) -> None:
    text, value = told
    try:
        found = polynomial(text)
    except ArithmeticTextError:
        return  # too much of something, or a field that cancels out
    total = Fraction(0)
    for factor, names in found:
        part = Fraction(factor)
        for name in names:
            part *= VALUES[name]
        total += part
    assert total == value


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("price * quantity - discount", "-discount + quantity*price"),
        ("(price - discount) * quantity", "quantity * price - quantity * discount"),
        ("2 * price", "price + price"),
        ("price * 1.50", "1.5 * price"),
        ("a - b - c", "a - (b + c)"),
    ],
)
def test_texts_that_mean_one_value_are_one(text: str, same: str) -> None:
    assert sorted(polynomial(text)) == sorted(polynomial(same))
    assert sorted(polynomial(text)) != sorted(polynomial(f"{same} + 1"))
