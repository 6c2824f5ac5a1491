"""A blocking session and its twin for asyncio are the same program, but for ``await``."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from adi_analytics._engine import drivers

FOLDER = Path(drivers.__file__).parent

RENAMED = {
    "AsyncioSession": "ThreadSession",
    "AbstractAsyncContextManager": "AbstractContextManager",
    "AsyncConnection": "Connection",
    "PatientAsyncConnection": "PatientConnection",
    "AsyncCopy": "Copy",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "AsyncioHttpSession": "HttpSession",
    "AsyncHTTPTransport": "HTTPTransport",
    "send_async": "send",
    "aclose": "close",
}

# What only one of them has, or has of its own.
DIFFERENT = {
    "HttpSession.limit": "an asyncio worker gives up its calls at the deadline by itself",
    "HttpSession.abandon": "an asyncio worker goes on in a forked child as a thread, and never with its session",
    "PatientConnection.wait": "psycopg's wait functions take other arguments, and only a coroutine can be cancelled",
    "ThreadSession.__init__": "the function that makes the arguments of connect may have to be awaited",
    "ThreadSession.limit": "an asyncio worker gives up its calls at the deadline by itself",
    "ThreadSession.abandon": "an asyncio worker goes on in a forked child as a thread, and never with its session",
}


class WithoutAwait(ast.NodeTransformer):
    """Turns the asyncio session into a blocking one."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]  # typeshed's visit() returns Any

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        fields: dict[str, Any] = {name: getattr(node, name, None) for name in node._fields}
        found = ast.FunctionDef(**fields)
        return self.generic_visit(ast.copy_location(found, node))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = RENAMED.get(node.id, node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = RENAMED.get(node.attr, node.attr)
        return self.generic_visit(node)


def members(name: str) -> dict[str, str]:
    """Every method and attribute of the classes in a module, as source without docstrings, by its name."""
    tree = WithoutAwait().visit(ast.parse((FOLDER / name).read_text()))
    found = {}
    for cls in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        owner = RENAMED.get(cls.name, cls.name)
        found[owner] = ", ".join(map(ast.unparse, cls.bases))
        for node in cls.body:
            if isinstance(node, ast.FunctionDef):
                if ast.get_docstring(node):
                    del node.body[0]
                found[f"{owner}.{node.name}"] = ast.unparse(node)
            elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
                found[f"{owner}: {ast.unparse(node)}"] = ""
    return found


@pytest.mark.parametrize(
    ("blocking", "twin"), [("thread_session.py", "asyncio_session.py"), ("http_session.py", "asyncio_http_session.py")]
)
def test_the_sessions_differ_by_await_alone(blocking: str, twin: str) -> None:
    thread, asyncio = members(blocking), members(twin)
    different = {name for name in thread.keys() | asyncio.keys() if thread.get(name) != asyncio.get(name)}
    assert different == {name for name in DIFFERENT if name in thread}
    assert len(thread) > 6
