"""Gives the relations of an aggregate other names, in its description and in all its statements.

Names are replaced as SQL tokens, never as parts of a text: a long name ends in a digest, so that the names of two
versions share no part that could be exchanged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from adi_analytics._shared.sql import quote, shorten
from adi_analytics.migrate.errors import UsageError
from adi_analytics.migrate.files.manifest import Aggregate, Relation, Statement

# A quoted identifier or a string literal; the generated SQL writes every name as one of the two.
_TOKEN: Final = re.compile(r""""(?:[^"]|"")*"|'(?:[^']|'')*'""")
# Where a literal is the name of a rollup and no value of the catalog's.
_ROLLUP_NAMED: Final = re.compile(r"(?:\brollup = |\(rollup\) values \()\Z")

_SUFFIXES: Final = {"rollup": "", "users": "_users", "distribution": "_distribution"}


def to_revision(entry: Aggregate, revision: int) -> Aggregate:
    """Return *entry* with names for another relation of the same version: ``<aggregate>_v1r2``."""
    base = f"{entry.name}_v{entry.version}r{revision}"
    seen: Counter[str] = Counter()
    relations = []
    for relation in entry.relations:
        seen[relation.kind] += 1
        number = "" if seen[relation.kind] == 1 else f"_{seen[relation.kind]}"
        name = shorten(f"{base}{_SUFFIXES[relation.kind]}{number}")
        live, rows = shorten(f"{name}_live"), shorten(f"{name}_rows")
        relations.append(msgspec.structs.replace(relation, name=name, live=live, rows_function=rows))
    names = between(entry.relations, relations)
    ddl = {
        backend: {part: renamed(statements, names) for part, statements in parts.items()}
        for backend, parts in entry.ddl.items()
    }
    return msgspec.structs.replace(entry, relations=relations, ddl=ddl)


def between(old: list[Relation], new: list[Relation]) -> dict[str, str]:
    """Return the names of *old* with those of *new*: relations, live views, functions and indexes."""
    return {
        before: after
        for relation, other in zip(old, new, strict=True)
        for before, after in zip(_names(relation), _names(other), strict=True)
        if before != after
    }


def _names(relation: Relation) -> tuple[str, ...]:
    index = shorten(f"{relation.name}_{relation.columns[0].name}_idx")
    return relation.name, relation.live, relation.rows_function, index


def renamed(statements: list[Statement], names: Mapping[str, str]) -> list[Statement]:
    """Return *statements* with *names* replaced.

    Raises:
        UsageError: If an old name remains: then the manifest writes it in a way that is unknown here.
    """
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b") if names else re.compile("(?!)")
    made = []
    for statement in statements:
        text = _TOKEN.sub(lambda token: _token(token, names), statement.sql)
        step = words.sub(lambda word: names[word[0]], statement.step)
        left = next((name for name in names if quote(name) in text), None)
        if left is not None:
            raise UsageError(
                f"the statement {statement.step!r} still names {left}, which it should not",
                "Run `analytics-codegen generate` again; if that does not help, please report it.",
            )
        made.append(Statement(step, text))
    return made


def _token(found: re.Match[str], names: Mapping[str, str]) -> str:
    token = found[0]
    inner = token[1:-1]
    if token.startswith('"'):
        return quote(names.get(inner, inner.replace('""', '"')))
    if inner.startswith('"') and inner[1:-1] in names:
        return f"'{quote(names[inner[1:-1]])}'"
    if inner in names and _ROLLUP_NAMED.search(found.string, 0, found.start()):
        return f"'{names[inner]}'"
    return token
