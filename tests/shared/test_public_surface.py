"""What users can name: no private type in a public signature, of the package or of its migrator."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import adi_analytics
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PACKAGE = Path(adi_analytics.__file__).parent
WALKED = (
    "adi_analytics",
    "adi_analytics.testing",
    "adi_analytics.embedded",
    "adi_analytics.contrib",
    "adi_analytics.migrate",
)
ROOMS = "adi_analytics.migrate."  # their names have no underscore, but users import from `adi_analytics.migrate` alone


def public_modules() -> Iterator[ModuleType]:
    """The modules that users import: those of the surface, and all of ``contrib``."""
    for name in WALKED:
        module = importlib.import_module(name)
        yield module
        if name == "adi_analytics.contrib":
            for found in pkgutil.iter_modules(module.__path__, name + "."):
                if not found.name.rpartition(".")[2].startswith("_"):
                    yield importlib.import_module(found.name)


def public_names(module: ModuleType) -> dict[str, Any]:
    own = [name for name in vars(module) if getattr(vars(module)[name], "__module__", None) == module.__name__]
    names = getattr(module, "__all__", own)
    return {name: getattr(module, name) for name in names if not name.startswith("_")}


PUBLIC = {(module.__name__, name): value for module in public_modules() for name, value in public_names(module).items()}
REACHABLE = {id(value) for value in PUBLIC.values()}


def scope_of(module_name: str) -> dict[str, Any]:
    """The names of a module, with those that it imports for type checking only."""
    module = importlib.import_module(module_name)
    scope = dict(vars(module))
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if alias.name != "*" and alias.name not in scope:
                    scope[alias.asname or alias.name] = imported(node.module, alias.name)
    return scope


def imported(module_name: str, name: str) -> Any:
    module = importlib.import_module(module_name)
    return getattr(module, name, Any)  # what only a stub has is no type of ours


def named_types(annotation: Any) -> Iterator[type]:
    """Every class in *annotation*."""
    if inspect.isclass(annotation):
        yield annotation
    for argument in typing.get_args(annotation):
        inner = argument if isinstance(argument, (list, tuple)) else [argument]
        for one in inner:
            yield from named_types(one)


def is_private(found: type) -> bool:
    """Whether *found* is ours, and users can't import it."""
    if not found.__module__.startswith("adi_analytics."):
        return False
    hidden = any(part.startswith("_") for part in [*found.__module__.split("."), found.__name__])
    return (hidden or found.__module__.startswith(ROOMS)) and id(found) not in REACHABLE


def annotations_of(value: Any) -> Iterator[tuple[str, Any]]:
    """The annotations of parameters, results and fields, with their places; names with an underscore are private."""
    if inspect.isclass(value):
        if is_dataclass(value):
            yield from ((field.name, field.type) for field in fields(value) if not field.name.startswith("_"))
        for name, member in inspect.getmembers_static(value):
            unwrapped = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            if (not name.startswith("_") or name == "__init__") and inspect.isfunction(unwrapped):
                yield from ((f"{name}({where})", one) for where, one in annotations_of(unwrapped))
    elif inspect.isfunction(value):
        for name, one in value.__annotations__.items():
            if not name.startswith("_"):
                yield name, one


def resolved(annotation: Any, scope: dict[str, Any]) -> Any:
    return eval(annotation, scope) if isinstance(annotation, str) else annotation


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_no_private_type_in_a_public_signature(module: str, name: str) -> None:
    value = PUBLIC[module, name]
    for where, annotation in annotations_of(value):
        owner = value if not inspect.isclass(value) else defining_class(value, where)
        scope = scope_of(owner.__module__)
        private = [found for found in named_types(resolved(annotation, scope)) if is_private(found)]
        assert not private, f"{module}.{name}: {where} names {private}"


def defining_class(cls: type, where: str) -> type:
    member = where.partition("(")[0]
    return next((base for base in cls.__mro__ if member in vars(base) or member in base.__annotations__), cls)


def test_the_walk_finds_what_it_looks_for() -> None:
    from adi_analytics._engine.pipeline import Pipeline

    def public(events: list[Pipeline] | None) -> None: ...

    assert [is_private(found) for found in named_types(resolved(public.__annotations__["events"], locals()))] == [
        True,
        False,
    ]
    assert len(PUBLIC) > 20


SHARED = ("pipeline", "queue/queue", "queue/books", "queue/consumer", "delivery/unfinished")


def test_the_shared_state_has_one_writer_each() -> None:
    """What client and worker share is written by its own methods only."""
    shared = set()
    for name in SHARED:
        for node in ast.walk(ast.parse((PACKAGE / "_engine" / f"{name}.py").read_text())):
            shared |= {target.attr for target in written(node) if ast.unparse(target.value) == "self"}
    strangers = [
        f"{path.name}:{target.lineno} {ast.unparse(target)}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for target in written(node)
        if target.attr in shared and ast.unparse(target.value) not in {"self", "cls"}
    ]
    assert len(shared) > 20
    assert not strangers


def written(node: ast.AST) -> Iterator[ast.Attribute]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    for target in targets:
        for one in ast.walk(target) if target is not None else ():
            if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store):
                yield one
