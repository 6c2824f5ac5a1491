"""What is kept beside a relation of members: trailing counts and answers about people, as the manifest describes it."""

from __future__ import annotations

import msgspec

from adi_analytics.migrate.files.statements import Function, Index, Table


class Counts(msgspec.Struct, frozen=True):
    """What is kept of the trailing counts that one relation of members gives: tables, indexes and functions.

    Attributes:
        members: The place of the relation of members among the aggregate's.
        member: The column of the member.
        span: The longest span, in seconds.
        columns: The counts, each with its span in seconds.
        create: The statements that make it: format strings, the same on every backend.
    """

    members: int
    member: str
    span: int
    columns: dict[str, int]
    create: list[Table | Index | Function]


class Known(msgspec.Struct, frozen=True):
    """What is known of a member: a column, and whether it merges by ``min`` or ``max``."""

    column: str
    merge: str


class AnswerPart(msgspec.Struct, frozen=True):
    """A table of kept answers about people.

    Attributes:
        table: Which of the names of the relation of members is its name.
        function: Which is that of the function that computes its rows.
        before: How many seconds before a bucket the answers lie that depend on it.
        after: How many seconds after it.
    """

    table: str
    function: str
    before: int
    after: int


class Answers(msgspec.Struct, frozen=True):
    """What is kept of the answers to a question about people.

    Attributes:
        known: What is known of each member, beside itself.
        create: The statements that make it: format strings, the same on every backend.
    """

    known: list[Known]
    parts: list[AnswerPart]
    create: list[Table | Index | Function]
