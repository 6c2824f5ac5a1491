"""The SQL templates: each renders one part of a statement. Python decides what is made, a template how it reads."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from adi_analytics_codegen.backends.sql.text.names import exact_interval, identifier, interval, literal
from adi_analytics_codegen.model.tables import shorten

if TYPE_CHECKING:
    from jinja2 import Environment

_BLANK_LINES: Final = re.compile(r"\n(?:[ \t]*\n)+")


def render(name: str, /, **values: Any) -> str:
    """Return the text of the template called *name*, without blank lines."""
    text = _environment().get_template(f"{name}.sql.jinja").render(values)
    return _BLANK_LINES.sub("\n", text).strip()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # not needed by those who only ask for names

    environment = Environment(
        loader=PackageLoader("adi_analytics_codegen", "templates/sql"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - SQL, not HTML: every name and literal goes through a filter of its own
    )
    environment.filters.update(name=identifier, literal=literal, interval=interval, shorten=shorten)
    environment.filters.update(exact_interval=exact_interval, prefixed=lambda name, prefix: prefix + name)
    return environment
