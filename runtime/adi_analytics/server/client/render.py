"""The text of a client: the part that all catalogs share, and the names and types of one catalog."""

from __future__ import annotations

import json
import keyword
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adi_analytics.server.read.aggregates import asked, public
from adi_analytics.server.read.schemas import previous

if TYPE_CHECKING:
    from adi_analytics.query.model.describe import Aggregate, Described, Dimension, Measure

_MADE: Final = "Made by `analytics-server client {language}` from the catalog {catalog}. Do not edit: make it again."
_EVENTS: Final = "events"
"""What all clients have, beside the aggregates."""
_TYPESCRIPT: Final = {"int": "number", "float": "number", "decimal": "number", "bool": "boolean"}
_PYTHON: Final = {"int": "int", "float": "float", "decimal": "float", "bool": "bool"}


def render(described: Described, language: str) -> str:
    """Return the client of a catalog in ``typescript`` or ``python``."""
    made = _MADE.format(language=language, catalog=described.catalog)
    return LANGUAGES[language](described, made)


def _base(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _typescript(described: Described, made: str) -> str:
    aggregates = "\n".join(line for one in asked(described) for line in _interface(one))
    catalog = f"/** What each aggregate has. */\nexport interface Aggregates {{\n{aggregates}\n}}\n"
    return f"// {made}\n\n{catalog}\n{_base('base.ts')}"


def _interface(aggregate: Aggregate) -> Iterator[str]:
    dimensions, measures = public(aggregate)
    yield from _comment(aggregate.description, "  ")
    yield f"  readonly {aggregate.name}: {{"
    yield f'    readonly bucket: "{aggregate.bucket.column}";'
    groups: Mapping[str, tuple[Dimension | Measure, ...]] = {"dimensions": dimensions, "measures": measures}
    for name, columns in groups.items():
        yield f"    readonly {name}: {{"
        for column in columns:
            yield from _comment(aggregate.text(column.name), "      ")
            yield f"      readonly {column.name}: {_TYPESCRIPT.get(column.type, 'string')};"
        yield "    };"
    yield "  };"


def _comment(text: str, indent: str) -> Iterator[str]:
    plain = " ".join(text.split()).replace("*/", "*\\/")
    if plain:
        yield f"{indent}/** {plain} */"


def _python(described: Described, made: str) -> str:
    found = list(asked(described))
    types = "\n\n\n".join(text for one in found for text in _types(one))
    methods = "\n\n".join(_method(one) for one in found)
    client = (
        f"class Analytics(Connection):\n    {_doc(f'The aggregates of the catalog {described.catalog}.')}\n\n{methods}"
    )
    base = _base("base.py").partition("\n\n")[2]
    return f'"""{made}"""\n\n{base}\n\n{types}\n\n\n{client}\n'


def _types(aggregate: Aggregate) -> Iterator[str]:
    """Yield the types of an aggregate's rows and filters."""
    dimensions, measures = public(aggregate)
    name = _class(aggregate.name)
    values = {one.name: f"{_PYTHON.get(one.type, 'str')} | None" for one in measures}
    rows = {aggregate.bucket.column: "str"}
    rows |= {one.name: f"{_PYTHON.get(one.type, 'str')} | None" for one in dimensions}
    rows |= {name: values[of] for name, of in previous(values).items()} | values
    yield _typed_dict(f"{name}Row", rows)
    filters = {}
    for one in dimensions:
        kind = _PYTHON.get(one.type, "str")
        filters[one.name] = f"{kind} | Sequence[{kind}] | Operators[{kind}] | None"
    if filters:
        yield _typed_dict(f"{name}Filters", filters)


def _typed_dict(name: str, members: Mapping[str, str]) -> str:
    """Return a type of dicts. It is written as a call, since a name may be a word of Python."""
    lines = "\n".join(f'        "{member}": {kind},' for member, kind in members.items())
    return f'{name} = TypedDict(\n    "{name}",\n    {{\n{lines}\n    }},\n    total=False,\n)'


def _method(aggregate: Aggregate) -> str:
    dimensions, measures = public(aggregate)
    name = _class(aggregate.name)
    columns = [aggregate.bucket.column, *(one.name for one in dimensions), *(one.name for one in measures)]
    ordered = [f"{sign}{column}" for column in columns for sign in ("", "-")]
    arguments = {
        "measures": f"Sequence[{_literal([one.name for one in measures])}]",
        "dimensions": f"Sequence[{_literal([one.name for one in dimensions])}] = ()",
        "filters": f"{name}Filters | None = None" if dimensions else "None = None",
        "between": "Between | None = None",
        "granularity": "Granularity | None = None",
        "time_zone": "str | None = None",
        "compare": "Comparison | None = None",
        "order_by": f"Sequence[{_literal(ordered)}] = ()",
        "limit": "int | None = None",
        "after": "str | None = None",
        "fill": "bool | None = None",
        "totals": "bool | None = None",
        "distinct": "Distinct | None = None",
    }
    listed = "\n".join(f"        {argument}: {kind}," for argument, kind in arguments.items())
    given = "\n".join(f'            "{argument}": {argument},' for argument in arguments)
    taken = keyword.iskeyword(aggregate.name) or aggregate.name == _EVENTS
    method = f"{aggregate.name}_" if taken else aggregate.name
    return (
        f"    def {method}(\n        self,\n        *,\n{listed}\n    ) -> Answer[{name}Row]:\n"
        f"        {_doc(aggregate.description or aggregate.name)}\n"
        f'        question = {{\n{given}\n        }}\n        return self._ask("{aggregate.name}", question)'
    )


def _doc(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{plain}"""'


def _literal(values: list[str]) -> str:
    return f"Literal[{', '.join(json.dumps(value) for value in values)}]" if values else "str"


def _class(name: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


LANGUAGES: Final[Mapping[str, Callable[[Described, str], str]]] = {"typescript": _typescript, "python": _python}
