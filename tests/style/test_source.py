"""The source keeps the rules of its style that no linter knows."""

import ast
import io
import re
import statistics
import subprocess
import tokenize
import tomllib

import pytest
from support.paths import ROOT

PACKAGES = [ROOT / "runtime" / "adi_analytics", ROOT / "codegen" / "adi_analytics_codegen"]
OURS = ("adi_analytics", "adi_analytics_codegen")

MODULE_LINES = 400
FUNCTION_LINES = 60
FUNCTION_LINES_P95 = 30
FUNCTION_LINES_MEDIAN = 8

IGNORE = re.compile(r"#\s*(noqa|type:\s*ignore|pyright:\s*ignore)\b")
WITH_REASON = re.compile(
    r"#\s*(noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)*|(type|pyright): ignore\[[\w, -]+\])\s+(-|#)\s*\w.*"
)


def modules(folder):
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def shown(path, line=None):
    place = path.relative_to(ROOT).as_posix()
    return place if line is None else f"{place}:{line}"


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def private_imports(module):
    """Yield the line and each private name of the imports from modules of ours."""
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] in OURS):
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_no_module_imports_a_private_name_of_another(folder):
    found = [f"{shown(path, line)}: {name}" for path in modules(folder) for line, name in private_imports(tree(path))]
    assert found == []


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("from adi_analytics._engine.spool import Spool", []),
        ("from adi_analytics._engine.spool import Spool as _Spool", []),
        ("from re import _parser", []),
        ("from adi_analytics.worker import __doc__", []),
        ("from adi_analytics.worker import Worker, _start", ["_start"]),
        ("from . import _start", ["_start"]),
    ],
)
def test_what_a_private_import_is(code, names):
    assert [name for _, name in private_imports(ast.parse(code))] == names


def python_files():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.exists()]


def bare_ignores(text):
    """Yield line and text of every comment that silences a tool without a code and a reason."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        for found in IGNORE.finditer(token.string):
            comment = token.string[found.start() :]
            if not WITH_REASON.match(comment):
                yield token.start[0], comment


def test_every_ignore_in_the_code_has_a_reason():
    paths = python_files()
    assert len(paths) > 100
    found = [
        f"{shown(path, line)}: {comment}"
        for path in paths
        for line, comment in bare_ignores(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    "comment",
    ["# noqa: S603 - fixed words", "# type: ignore[misc]  # mypy sees no lambda", "# noqa: PTH123, SIM115 - kept open"],
)
def test_an_ignore_with_a_reason(comment):
    assert list(bare_ignores(f"x = 1  {comment}\n")) == []


@pytest.mark.parametrize(
    "comment",
    ["# noqa", "# noqa: S603", "# type: ignore", "# type: ignore[misc]", "# type: ignore  # why", "# noqa - why"],
)
def test_an_ignore_without_a_code_or_a_reason(comment):
    assert len(list(bare_ignores(f"x = 1  {comment}\n"))) == 1


def test_every_rule_that_ruff_is_to_ignore_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    codes = {*lint["ignore"], *(code for found in lint["per-file-ignores"].values() for code in found)}
    section = text[text.index("[tool.ruff.lint]") : text.index("[tool.mypy]")]
    lines = [line for line in section.splitlines() if re.search(r'"[A-Z]+[0-9]*"[,\]]', line)]
    assert {code for line in lines for code in re.findall(r'"([A-Z]+[0-9]*)"[,\]]', line)} >= codes
    assert [line for line in lines if not re.search(r"[\],]\s+# \w", line) and '["ALL"]' not in line] == []


def functions(folder):
    """Yield the length in lines of every function, its docstring included, and where it is."""
    for path in modules(folder):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield node.end_lineno - node.lineno + 1, f"{shown(path, node.lineno)} {node.name}"


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_modules_are_short(folder):
    sizes = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(folder)}
    assert {path: lines for path, lines in sizes.items() if lines > MODULE_LINES} == {}


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_functions_are_short(folder):
    sizes = sorted(functions(folder), reverse=True)
    lines = [size for size, _ in sizes]
    assert [where for size, where in sizes if size > FUNCTION_LINES] == []
    longest = sizes[: len(sizes) // 20]
    assert statistics.quantiles(lines, n=20)[-1] <= FUNCTION_LINES_P95, longest
    assert statistics.median(lines) <= FUNCTION_LINES_MEDIAN, longest
