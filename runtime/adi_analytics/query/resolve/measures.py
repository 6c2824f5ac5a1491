"""How each measure of an answer comes about, or why it can't.

A group of an answer is either one stored row, then every measure is as it was stored; or it is several, then each
kind of measure has a rule: counts and sums add up, an average is a sum over a count, a percentile comes from the
distribution, a distinct count from the members. What has no rule is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from adi_analytics.query.model.errors import MeasureRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics.query.model.describe import Aggregate, Measure
    from adi_analytics.query.model.facts import Facts

How: TypeAlias = Literal["stored", "added", "distribution", "members", "ratio"]
BOUND: Final = 0.02 / 2.02
"""The largest relative error of a percentile from a distribution (docs/reference/aggregates.md)."""

PERSONAL: Final = frozenset({"personal", "secret"})
ASK_PERSONAL: Final = "Ask with personal=True if you may see them."
_ADDS: Final = frozenset({"count", "sum", "min", "max"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """A measure and how it comes about.

    Attributes:
        how: ``stored``: as its one stored row says; ``added``: by the rule of its kind; ``distribution``;
            ``members``; ``ratio``: from other measures.
        bound: The largest relative error; ``None`` when exact.
        shown: Whether the answer has it, or only a ratio needs it.
    """

    measure: Measure
    how: How
    bound: float | None = None
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides how measures come about.

    Attributes:
        single: Whether each group of the answer is one stored row.
        wanting: Dimensions that would have to be asked, or filtered to one value, for that.
        former: Whether the range has rows that an earlier version computed, of which only the values are left.
        public: Whether the public view is read, rather than the rows that it is made from.
    """

    aggregate: Aggregate
    facts: Facts
    single: bool
    wanting: tuple[str, ...]
    former: bool
    public: bool


def choose(measure: Measure, there: Situation, *, shown: bool = True) -> Iterable[Chosen]:
    """Yield *measure* and how it comes about, after the measures that it needs.

    Raises:
        MeasureRefusedError: If it has no right value.
    """
    if measure.kind == "ratio":
        yield from _ratio(measure, there, shown=shown)
    elif measure.kind in _ADDS:
        yield Chosen(measure, "added", shown=shown)
    elif there.single and (measure.kind != "avg" or there.public):
        yield Chosen(measure, "stored", shown=shown)
    else:
        yield _merged(measure, there, shown=shown)


def _ratio(measure: Measure, there: Situation, *, shown: bool) -> Iterable[Chosen]:
    bound: float | None = None
    for name in dict.fromkeys((*measure.parts.numerator, *measure.parts.denominator)):
        try:
            sides = list(choose(there.aggregate.measure(name), there, shown=False))
        except MeasureRefusedError as error:
            raise MeasureRefusedError(
                measure.name, f"it is made from {name}, which is refused: {error.problem}", error.remedy
            ) from None
        yield from sides
        bound = sides[-1].bound if bound is None else bound
    yield Chosen(measure, "ratio", bound, shown)


def _merged(measure: Measure, there: Situation, *, shown: bool) -> Chosen:
    if measure.kind == "percentile":
        return Chosen(measure, "distribution", BOUND, shown)
    if measure.kind in {"avg", "distinct"} and there.former:
        raise _refused(measure, there, "an earlier version computed some buckets, and only its values are left")
    if measure.kind == "avg":
        return Chosen(measure, "added", shown=shown)
    if measure.kind == "distinct" and measure.trailing is None:
        return _distinct(measure, there, shown=shown)
    raise _refused(measure, there, _REASONS[measure.kind])


_REASONS: Final = {
    "first": "which of several first values is the first is not stored",
    "last": "which of several last values is the last is not stored",
    "distinct": "it counts over a span of its own that ends with each bucket, so counts of several buckets overlap",
}


def _distinct(measure: Measure, there: Situation, *, shown: bool) -> Chosen:
    """Return how values are counted once over several buckets: exactly, from the relation that stores each member.

    A stored sketch would come second here, with its bound.
    """
    number = measure.parts.relation
    if number is None or number >= len(there.facts.live):
        raise _refused(
            measure,
            there,
            "the same value may be counted in several buckets, and no relation stores the values",
            "give the aggregate a trailing distinct count of the same field and conditions in events.yaml, which does",
        )
    members = there.facts.live[number]
    if members not in there.facts.readable:
        raise _refused(
            measure,
            there,
            f"the same value may be counted in several buckets, and this role may not read {members}",
            "ask with a role that may read it, which shows who is counted",
        )
    return Chosen(measure, "members", shown=shown)


def _refused(measure: Measure, there: Situation, reason: str, instead: str = "") -> MeasureRefusedError:
    return MeasureRefusedError(measure.name, reason, f"{_single(there)}{f'; or {instead}' if instead else ''}.")


def _single(there: Situation) -> str:
    """Return what to ask so that every group is one stored row."""
    wanted = "Ask granularity='bucket'"
    if there.wanting:
        wanted += f" with {', '.join(there.wanting)} among dimensions, or filtered to one value"
    return wanted


def closure(names: Iterable[str], aggregate: Aggregate) -> list[Measure]:
    """Return the measures called *names*, and those that their ratios are made from."""
    found: dict[str, Measure] = {}
    for name in names:
        measure = aggregate.measure(name)
        found[name] = measure
        found |= {side: aggregate.measure(side) for side in (*measure.parts.numerator, *measure.parts.denominator)}
    return list(found.values())


def require_public(measure: Measure, personal: bool) -> None:  # noqa: FBT001 - the argument of the same name
    """Refuse a measure that shows what a person is or has sent, unless that was asked for.

    Raises:
        MeasureRefusedError: If it is refused.
    """
    if measure.sensitivity in PERSONAL and not personal:
        raise MeasureRefusedError(
            measure.name,
            f"it shows values of a {measure.sensitivity} field",
            ASK_PERSONAL,
        )
