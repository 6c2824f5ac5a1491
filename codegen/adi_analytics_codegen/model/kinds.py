"""The kinds of things in a catalog: the words that it has for types, measures and the rest."""

from __future__ import annotations

from enum import StrEnum


class FieldType(StrEnum):
    """The type of a field."""

    UUID = "uuid"
    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DATETIME = "datetime"
    DATE = "date"
    DECIMAL = "decimal"
    ENUM = "enum"
    LIST = "list"
    OBJECT = "object"
    MAP = "map"
    JSON = "json"


class Format(StrEnum):
    """What the text of a string field is; :mod:`adi_analytics_codegen.model.text.formats` has the pattern of each."""

    URI = "uri"
    EMAIL = "email"
    IP = "ip"
    HOSTNAME = "hostname"


class Sensitivity(StrEnum):
    """How much a value reveals about a person, from least to most."""

    NONE = "none"
    PSEUDONYMOUS = "pseudonymous"
    PERSONAL = "personal"
    SECRET = "secret"  # noqa: S105 - the name of a class of data, not a password


class Store(StrEnum):
    """What the worker does with a value before it leaves the process."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


class Status(StrEnum):
    """Where an event is in its life."""

    DRAFT = "draft"
    STABLE = "stable"
    DEPRECATED = "deprecated"
    RETIRED = "retired"


class MeasureKind(StrEnum):
    """How a measure reduces the rows of a bucket to one value."""

    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    PERCENTILE = "percentile"
    DISTINCT = "distinct"
    FIRST = "first"
    LAST = "last"


class Operator(StrEnum):
    """A comparison in a ``where``."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    PREFIX = "prefix"
    EXISTS = "exists"
