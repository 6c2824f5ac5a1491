"""Patterns over which an engine backtracks for ever, and patterns that only look like them."""

import re

import pytest
from adi_analytics_codegen.model.text import formats
from adi_analytics_codegen.model.text.backtracking import degree, is_slow
from adi_analytics_codegen.model.text.patterns import in_python

SLOW = {
    "^(a+)+$": "a",
    "^(a*)*$": "a",
    "^(?:a|a)*$": "a",
    "^(a|b|ab)*$": "ab",
    "^(\\w+\\s?)*$": "a",
    "^([a-z]+[.-]?)+@$": "a",
    "^(\\d{1,3})+$": "1",
    "^((a?)?b)*$": "b",
    "^(a?){30}$": "a",
    "^(.*a){12}$": "a",
    "^(?=(a+)+$).$": "a",
    "^([a-z]{0,61}[a-z])+$": "a",
    "^(x+?)+?$": "x",
    "^([^,]|[^;])+$": "a",
}
FAST = [
    "^[A-Z]{2}-[0-9]{4}$",
    "^(red|green|blue)$",
    "^\\w+([.-]\\w+)*$",
    "^[\\w.+-]+@[\\w-]+(\\.[\\w-]+)+$",
    "^(\\d{1,3}\\.){3}\\d{1,3}$",
    "^([a-z]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$",
    "^([0-9a-f]{2}:)*[0-9a-f]{2}$",
    "^([0-9a-f]{32})+$",
    "^(?:a|b)+$",
    "^(\\w+\\s)*$",
    "^\\d+\\d+$",
    "^(?!x+$)[a-z]+$",
    "^[a-z]{1,5000}$",
    "",
]


DEGREES = {
    "^a*a*$": 2,
    "^\\d+\\d+$": 2,
    "^\\s*(.*)\\s*$": 3,
    "^.*,.*,.*$": 3,
    "^[a-z0-9]+@?[a-z]+$": 2,
    "^(ab)*x?(abab)*$": 2,
    "^a*b?a*c?a*$": 3,
    "^([a-z]+[.-])*[a-z]*[.][a-z]+$": 1,
    "^[a-z]+-[a-z]+$": 1,
    "^a*b*c*$": 1,
    "^(ab)*(ba)*$": 1,
    "a*a*": 1,
}


@pytest.mark.parametrize("pattern", DEGREES)
def test_the_power_of_the_length_by_which_a_pattern_slows(pattern):
    assert not is_slow(pattern)
    assert degree(pattern) == DEGREES[pattern]


@pytest.mark.parametrize("pattern", FAST)
def test_the_degree_of_a_fast_pattern(pattern):
    assert degree(pattern) == (2 if pattern == "^\\d+\\d+$" else 1)


@pytest.mark.parametrize("pattern", formats.PATTERNS.values())
def test_formats_are_linear(pattern):
    assert degree(pattern) == 1


@pytest.mark.parametrize("pattern", SLOW)
def test_a_pattern_that_backtracks_for_ever(pattern):
    assert is_slow(pattern)


@pytest.mark.parametrize("pattern", FAST)
def test_a_pattern_that_does_not(pattern):
    assert not is_slow(pattern)
    re.search(in_python(pattern), "a" * 40 + "!")
