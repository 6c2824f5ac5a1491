"""Every job of the project, each in an environment of its own. `nox -l` lists them.

Arguments after `--` go to the job's program: `nox -s tests -- -k worker`, `nox -s demo -- --keep`.
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

# uv brings certificates of its own; behind a company's proxy only the system's are right, and pip uses those too.
os.environ.setdefault("UV_SYSTEM_CERTS", "1")

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["codegen_check", "lint", "typecheck", "tests"]

ROOT = Path(__file__).parent
CONSTRAINTS = ("-c", ".ci/constraints.txt")
SQUAWK_EXCLUDED = (
    "require-lock-timeout",  # the runner sets both timeouts before each file
    "require-statement-timeout",
    "prefer-robust-stmts",  # a file is one transaction, so it never stops halfway
    "require-concurrent-index-creation",  # refused on hypertables and partitioned tables; these indexes are on new ones
    "prefer-bigint-over-int",  # versions and settings do not grow with the events
)


def install(session: nox.Session, extra: str) -> None:
    """Install the checkout, editable, with one of its extras, at the versions that CI has tried."""
    session.install("-e", f".[{extra}]", *CONSTRAINTS)


@nox.session
def codegen(session: nox.Session) -> None:
    """Regenerate generated/ from events.yaml."""
    install(session, "codegen")
    session.run("analytics-codegen", "generate", *session.posargs)


@nox.session
def codegen_check(session: nox.Session) -> None:
    """Fail when events.yaml, generated/ and migrations/ do not belong together."""
    install(session, "codegen")
    session.run("analytics-codegen", "lint")
    session.run("analytics-codegen", "check", *session.posargs)
    session.run("analytics-migrate", "check")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, the rules of who may import whom, and what the migrations lock."""
    install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("squawk", f"--exclude={','.join(SQUAWK_EXCLUDED)}", *sorted(map(str, ROOT.glob("migrations/*/*.sql"))))


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check types: mypy strict everywhere, pyright on what users see."""
    install(session, "dev")
    session.run("mypy")
    session.run("pyright")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on real servers. Without Node.js the TimescaleDB tests say that they are skipped."""
    install(session, "dev")
    # Each process has servers of its own; more than four would rather wait for the disk than for each other.
    session.run("pytest", "-n", "logical", "--maxprocesses", "4", "--dist", "loadfile", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests in one process, and tell which lines and branches none of them reaches."""
    install(session, "dev")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "report", "--skip-covered", "--show-missing")


@nox.session
def tests_wheel(session: nox.Session) -> None:
    """Run the tests that need no checkout against the built wheel."""
    install(session, "dev")
    session.run("pytest", "tests/packaging", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Show everything at work on an embedded PostgreSQL (or on DATABASE_URL)."""
    install(session, "embedded")
    session.run("python", "examples/demo", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against peers; writes docs/benchmarks.md. Takes long: run it on an idle machine."""
    install(session, "bench")
    for script in sorted((ROOT / "benchmarks").glob("*/__main__.py")):
        session.run("python", str(script.parent), *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation as HTML in docs/_build; a broken link fails."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build")


@nox.session
def lock(session: nox.Session) -> None:
    """Write .ci/constraints.txt: the versions that CI installs, for every platform and Python."""
    session.install("uv")
    options = "--all-extras --universal --upgrade --no-emit-index-url --no-emit-find-links --no-annotate"
    target = ("--custom-compile-command", "nox -s lock", "-o", ".ci/constraints.txt")
    session.run("uv", "pip", "compile", "pyproject.toml", *options.split(), *target, silent=True)
