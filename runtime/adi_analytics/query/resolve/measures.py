"""How each measure of an answer comes about, or why it can't.

A group of an answer is either one stored row, then every measure is as it was stored; or it is several, then each
kind of measure has a rule: counts and sums add up, an average is a sum over a count, a percentile comes from the
distribution, a distinct count from the members or from a sketch. What has no rule is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from adi_analytics.query.model.errors import MeasureRefusedError, QueryArgumentError
from adi_analytics.query.model.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adi_analytics.query.model.describe import Aggregate, Measure

How: TypeAlias = Literal["stored", "added", "distribution", "members", "sketch", "ratio"]
BOUND: Final = 0.02 / 2.02
"""The largest relative error of a percentile from a distribution (docs/reference/aggregates.md)."""

STANDARD_ERROR: Final = 1.04 / 64
"""Of a distinct count from a sketch of 4096 registers (docs/reference/aggregates.md)."""

WAYS: Final = ("auto", "exact", "approximate")
"""Where distinct counts over several buckets come from: see :func:`adi_analytics.query.query`."""

PERSONAL: Final = frozenset({"personal", "secret"})
ASK_PERSONAL: Final = "Ask with personal=True if you may see them."
_ADDS: Final = frozenset({"count", "sum", "min", "max"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """A measure and how it comes about.

    Attributes:
        how: ``stored``: as its one stored row says; ``added``: by the rule of its kind; ``distribution``;
            ``members``; ``sketch``; ``ratio``: from other measures.
        bound: The largest relative error, if there is one and it is not exact.
        standard_error: The relative standard error of an estimate.
        shown: Whether the answer has it, or only a ratio needs it.
    """

    measure: Measure
    how: How
    bound: float | None = None
    shown: bool = True
    standard_error: float | None = None

    @property
    def exact(self) -> bool:
        """Whether it is neither within a bound nor an estimate."""
        return self.bound is None and self.standard_error is None


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides how measures come about.

    Attributes:
        single: Whether each group of the answer is one stored row.
        wanting: Dimensions that would have to be asked, or filtered to one value, for that.
        former: Whether the range has rows that an earlier version computed, of which only the values are left.
        public: Whether the public view is read, rather than the rows that it is made from.
        distinct: Where distinct counts over several buckets come from, if there is a choice: one of :data:`WAYS`.
    """

    aggregate: Aggregate
    facts: Facts
    single: bool
    wanting: tuple[str, ...]
    former: bool
    public: bool
    distinct: str = "auto"


def distinct_of(given: str) -> str:
    """Return *given* if it says where distinct counts come from.

    Raises:
        QueryArgumentError: If it does not.
    """
    if given not in WAYS:
        raise QueryArgumentError("distinct", f"{given!r} is none", f"Expected one of {', '.join(WAYS)}.")
    return given


def of_one(measure: Measure, aggregate: Aggregate) -> Chosen:
    """Return how *measure* comes about where each group is one stored row, for a role that may read all.

    Raises:
        MeasureRefusedError: If it has no right value.
    """
    return _in_general(measure, aggregate, single=True)


def of_several(measure: Measure, aggregate: Aggregate) -> Chosen:
    """Return how *measure* is put together from several stored rows, for a role that may read all.

    Raises:
        MeasureRefusedError: If it has no right value.
    """
    return _in_general(measure, aggregate, single=False)


def _in_general(measure: Measure, aggregate: Aggregate, *, single: bool) -> Chosen:
    live = tuple(one.name for one in aggregate.relations)
    sketched = aggregate.offer.sketch
    readable = frozenset((*live, *(() if sketched is None else (sketched.view,))))
    facts = Facts("", live, readable, datetime.now(UTC))
    *_, chosen = choose(measure, Situation(aggregate, facts, single, wanting=(), former=False, public=single))
    return chosen


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
    errors = 0.0  # at worst they add up
    for name in dict.fromkeys((*measure.parts.numerator, *measure.parts.denominator)):
        try:
            sides = list(choose(there.aggregate.measure(name), there, shown=False))
        except MeasureRefusedError as error:
            raise MeasureRefusedError(
                measure.name, f"it is made from {name}, which is refused: {error.problem}", error.remedy
            ) from None
        yield from sides
        bound = sides[-1].bound if bound is None else bound
        errors += sides[-1].standard_error or 0.0
    yield Chosen(measure, "ratio", bound, shown, errors or None)


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
    """Return how values are counted once over several buckets: exactly from the members, or by a sketch of them."""
    exact, estimated = _members(measure, there), sketch(measure, there)
    if estimated is not None and (exact is None or there.distinct == "approximate") and there.distinct != "exact":
        return Chosen(measure, "sketch", shown=shown, standard_error=STANDARD_ERROR)
    if exact is not None:
        return Chosen(measure, "members", shown=shown)
    number, offered = measure.parts.relation, _offered(measure, there)
    known = number is not None and number < len(there.facts.live)
    relation = there.facts.live[number] if known and number is not None else offered
    if relation is None:
        instead = "make it `mergeable: true` in events.yaml, which estimates it, or give the aggregate a trailing "
        instead += "distinct count of the same field and conditions, which stores them"
        reason = "the same value may be counted in several buckets, and no relation stores the values"
    elif there.distinct == "exact" and not known:
        reason = "the same value may be counted in several buckets, and there is only a sketch of the values"
        instead = "ask with distinct='auto', which estimates it"
    else:
        reason = f"the same value may be counted in several buckets, and this role may not read {relation}"
        instead = "ask with a role that may read it, which shows who is counted"
    raise _refused(measure, there, reason, instead)


def _members(measure: Measure, there: Situation) -> str | None:
    """Return the relation that stores each member of *measure*, if there is one and the role may read it."""
    number = measure.parts.relation
    if number is None or number >= len(there.facts.live):
        return None
    return there.facts.live[number] if there.facts.live[number] in there.facts.readable else None


def sketch(measure: Measure, there: Situation) -> str | None:
    """Return the view of the sketch of *measure*, if there is one and the role may read it."""
    offered = _offered(measure, there)
    return offered if offered in there.facts.readable else None


def _offered(measure: Measure, there: Situation) -> str | None:
    offer = there.aggregate.offer.sketch
    held = offer is not None and any(measure.name in shared for shared in offer.shared)
    return offer.view if offer is not None and held else None


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
