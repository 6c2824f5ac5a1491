"""What the form of a pattern says of it: whether it is anchored, and whether it backtracks without end.

An engine that tries one way after another may need a time that doubles with each character. To know it, a pattern
becomes an automaton of positions: one for each set of characters in it. The engine backtracks without end where a loop
leads from a position back to itself in two ways over the same text, as in ``(a+)+``. Two readers that set out together,
part and meet again show such a loop. The time grows with a power of the length where a text can be divided between
loops in many ways, as in ``a*a*``: the same text leads from one loop to itself, from the other to itself, and across.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from re import _constants as op  # type: ignore[attr-defined]  # typeshed leaves it out
from re import _parser as parser  # type: ignore[attr-defined]  # the same
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.model.text.patterns import portable

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_POSITIONS: Final = 256
"""A counted repetition that needs more positions is taken for one without an end."""
_MANY: Final = 10
"""So is one of as many rounds, if a round may be long or short: ``(a?){30}`` is as bad as ``(a?)*``."""
_MOST_STEPS: Final = 50_000
"""Steps after which the search for two such loops ends without a result."""
_REPEATS: Final = (op.MAX_REPEAT, op.MIN_REPEAT)
_LOOKS: Final = (op.ASSERT, op.ASSERT_NOT)
_HOLDING: Final = (op.SUBPATTERN, op.BRANCH)


@cache
def is_slow(pattern: str) -> bool:
    """Whether there is a text over which *pattern*, which must be portable, takes exponential time."""
    return _machine(pattern).is_ambiguous()


@cache
def degree(pattern: str) -> int:
    """Return the power of the length of a text with which the time of *pattern*, which is not slow, grows: 1, 2, ...

    The search for it is cut short, so that it may be too small for very large patterns.
    """
    machine = _machine(pattern)
    return machine.degree() if is_anchored(pattern) else 1


def _machine(pattern: str) -> _Machine:
    tree = parser.parse(portable(pattern))
    machine = _Machine(sorted({0, *_turns(tree)}))
    machine.sequence(tree)
    return machine


def is_anchored(pattern: str) -> bool:
    """Whether *pattern*, which must be portable, matches whole strings only: in each of its alternatives."""
    tree = list(parser.parse(portable(pattern)))
    return _holds(tree, op.AT_BEGINNING) and _holds(tree[::-1], op.AT_END)


def _holds(tree: list[Any], anchor: Any) -> bool:
    """Whether *tree*, which may be reversed, is held by *anchor* at its first part."""
    kind, value = next(((kind, value) for kind, value in tree if kind not in _LOOKS), (None, None))
    if kind is op.AT:
        return bool(value is anchor)
    step = 1 if anchor is op.AT_BEGINNING else -1
    return kind in _HOLDING and all(_holds(list(inner)[::step], anchor) for inner in _inner(kind, value))


@dataclass(slots=True)
class _Part:
    """A part of a pattern: in how many ways it can be empty, and at which positions it can begin and end."""

    empty: int = 1
    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)


@dataclass(slots=True)
class _Machine:
    """The automaton.

    Attributes:
        alphabet: One character of each kind that the pattern tells apart.
        reads: The characters that each position accepts.
        ways: Position to the positions that follow it, and in how many ways each does.
    """

    alphabet: list[int]
    reads: list[frozenset[int]] = field(default_factory=list)
    ways: defaultdict[int, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def sequence(self, tree: Any) -> _Part:
        """Add the parts of *tree*, one after the other."""
        whole = _Part()
        for kind, value in tree:
            whole = self._joined(whole, self._part(kind, value))
        return whole

    def _part(self, kind: Any, value: Any) -> _Part:
        if kind in _REPEATS:
            return self._repeated(*value)
        if kind is op.SUBPATTERN:
            return self.sequence(value[3])
        if kind is op.BRANCH:
            parts = [self.sequence(branch) for branch in value[1]]
            first = sum((part.first for part in parts), Counter[int]())
            last = sum((part.last for part in parts), Counter[int]())
            return _Part(sum(part.empty for part in parts), first, last)
        if kind in _LOOKS:
            self.sequence(value[1])  # nothing leads into it or out of it
            return _Part()
        if kind is op.AT:
            return _Part()
        self.reads.append(frozenset(code for code in self.alphabet if _accepts(kind, value, code)))
        here = Counter([len(self.reads) - 1])
        return _Part(0, here, here)

    def _joined(self, one: _Part, two: _Part) -> _Part:
        self._follow(one.last, two.first)
        first, last = one.first + _times(two.first, one.empty), two.last + _times(one.last, two.empty)
        return _Part(one.empty * two.empty, first, last)

    def _follow(self, last: Counter[int], first: Counter[int]) -> None:
        for before, ways in last.items():
            self.ways[before] += _times(first, ways)

    def _repeated(self, least: int, most: Any, tree: Any) -> _Part:
        if _is_endless(most, tree):
            made = self.sequence(tree)
            self._follow(made.last, made.first)
            if made.empty and most is not op.MAXREPEAT:
                self._follow(made.last, made.first)  # counted, an empty round is a way of its own
            return _Part(made.empty if least else 1 + min(made.empty, 1), made.first, made.last)
        whole = _Part()
        for index, made in reversed(list(enumerate([self.sequence(tree) for _ in range(most)]))):
            whole = self._joined(made, whole)
            whole.empty += index >= least
        return whole

    def is_ambiguous(self) -> bool:
        """Whether two readers can part and meet again on a loop."""
        loops = self._loops()
        if any(ways > 1 for before in loops for after, ways in self.ways[before].items() if after in loops[before]):
            return True
        waiting = [(position, position) for position in loops]
        seen = set(waiting)
        while waiting:
            one, two = waiting.pop()
            for pair in self._next(one, two, loops):
                if one != two and pair[0] == pair[1]:
                    return True
                if pair not in seen:
                    seen.add(pair)
                    waiting.append(pair)
        return False

    def _next(self, one: int, two: int, loops: dict[int, set[int]]) -> Iterator[tuple[int, int]]:
        for first in self.ways[one].keys() & loops[one]:
            for second in self.ways[two].keys() & loops[one]:
                if self.reads[first] & self.reads[second]:
                    yield first, second

    def degree(self) -> int:
        """Return how many loops, one after another, can share a text in many ways; at least 1."""
        members = {frozenset(loop) for loop in self._loops().values()}
        after = {loop: self._reached(next(iter(loop))) for loop in members}
        budget = [_MOST_STEPS]

        @cache
        def chain(loop: frozenset[int]) -> int:
            others = (other for other in members if other != loop and other <= after[loop])
            return 1 + max((chain(other) for other in others if self._share(loop, other, budget)), default=0)

        return max(map(chain, members), default=1)

    def _share(self, one: frozenset[int], two: frozenset[int], budget: list[int]) -> bool:
        """Whether a text leads from a position of *one* to itself, to one of *two*, and from that to itself."""
        return any(self._meet((left, right), one, two, budget) for left in one for right in two)

    def _meet(self, pair: tuple[int, int], one: frozenset[int], two: frozenset[int], budget: list[int]) -> bool:
        left, right = pair
        end, waiting = (left, right, right), [(left, left, right)]
        seen = set(waiting)
        while waiting and budget[0] > 0:
            at = waiting.pop()
            for after in self._next_three(at, one, two):
                budget[0] -= 1
                if after == end:
                    return True
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        return False

    def _next_three(
        self, at: tuple[int, int, int], one: frozenset[int], two: frozenset[int]
    ) -> Iterator[tuple[int, int, int]]:
        for first in self.ways[at[0]].keys() & one:
            for third in self.ways[at[2]].keys() & two:
                common = self.reads[first] & self.reads[third]
                for second in self.ways[at[1]] if common else ():
                    if common & self.reads[second]:
                        yield first, second, third

    def _loops(self) -> dict[int, set[int]]:
        """Return each position that leads back to itself, with all positions that lie on a loop with it."""
        reached = {position: self._reached(position) for position in range(len(self.reads))}
        return {
            position: {other for other in others if position in reached[other]}
            for position, others in reached.items()
            if position in others
        }

    def _reached(self, start: int) -> set[int]:
        seen: set[int] = set()
        waiting = [start]
        while waiting:
            for after in self.ways[waiting.pop()]:
                if after not in seen:
                    seen.add(after)
                    waiting.append(after)
        return seen


def _times(counter: Counter[int], factor: int) -> Counter[int]:
    return Counter({position: ways * factor for position, ways in counter.items() if factor})


def _is_endless(most: Any, tree: Any) -> bool:
    if most is op.MAXREPEAT:
        return True
    low, high = tree.getwidth()
    return bool((most >= _MANY and low != high) or most * _size(tree) > _MOST_POSITIONS)


def _size(tree: Any) -> int:
    """Return the number of positions that *tree* needs."""
    return sum(_size_of(kind, value) for kind, value in tree)


def _size_of(kind: Any, value: Any) -> int:
    if kind in _REPEATS:
        _, most, tree = value
        return _size(tree) * (1 if _is_endless(most, tree) else most)
    inner = list(_inner(kind, value))
    return sum(map(_size, inner)) if inner else 1


def _inner(kind: Any, value: Any) -> Iterator[Any]:
    """Yield the parts inside a part of a pattern."""
    if kind in _REPEATS:
        yield value[2]
    elif kind is op.SUBPATTERN:
        yield value[3]
    elif kind is op.BRANCH:
        yield from value[1]
    elif kind in _LOOKS:
        yield value[1]


def _turns(tree: Any) -> Iterator[int]:
    """Yield the characters at which a set of *tree* begins, and those just after its end."""
    for kind, value in tree:
        for inner in _inner(kind, value):
            yield from _turns(inner)
        for item, part in value if kind is op.IN else [(kind, value)]:
            if item is op.RANGE:
                yield from (part[0], part[1] + 1)
            elif item in (op.LITERAL, op.NOT_LITERAL):
                yield from (part, part + 1)


def _accepts(kind: Any, value: Any, code: int) -> bool:
    if kind is op.IN:
        negated = value[0][0] is op.NEGATE
        return bool(negated) != any(_accepts(item, part, code) for item, part in value[negated:])
    if kind is op.RANGE:
        return bool(value[0] <= code <= value[1])
    return bool((code == value) == (kind is op.LITERAL))
