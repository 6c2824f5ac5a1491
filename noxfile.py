"""Every job of the project, each in an environment of its own. `nox -l` lists them.

Arguments after `--` go to the job's program: `nox -s tests -- -k worker`, `nox -s demo -- --keep`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

# uv brings certificates of its own; behind a company's proxy only the system's are right, and pip uses those too.
os.environ.setdefault("UV_SYSTEM_CERTS", "1")

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["codegen_check", "lint", "typecheck", "docs", "tests"]

ROOT = Path(__file__).parent
DIST = ROOT / "dist"
CONSTRAINTS = ("-c", ".ci/constraints.txt")
# Each process has servers of its own; more than four would rather wait for the disk than for each other.
SPREAD = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")
SQUAWK_EXCLUDED = (
    "require-lock-timeout",  # the runner sets both timeouts before each file
    "require-statement-timeout",
    "prefer-robust-stmts",  # a file is one transaction, so it never stops halfway
    "require-concurrent-index-creation",  # refused on hypertables and partitioned tables; these indexes are on new ones
    "prefer-bigint-over-int",  # versions and settings do not grow with the events
    "prefer-bigint-over-smallint",  # a sketch's registers are 0 to 4095, and its ranks below 65
    "ban-drop-function",  # of analytics_meta, in `post`, when nothing calls it any more
    "ban-drop-view",  # a public view is made anew in the same transaction
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
    """Fail when events.yaml, generated/ and migrations/ do not belong together, here or in the example projects."""
    install(session, "codegen")
    for project in (".", "examples/shop", "examples/ecommerce"):
        session.run("analytics-codegen", "lint", "--project", project)
        session.run("analytics-codegen", "check", "--project", project, *session.posargs)
        session.run("analytics-migrate", "check", "--project", project)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, who imports whom, the forge's files, and what the migrations lock."""
    install(session, "dev")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    workflows = sorted(map(str, ROOT.glob(".github/workflows/*.yml")))
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        session.run("check-jsonschema", "--builtin-schema", schema, *workflows)
    forms = sorted(str(path) for path in ROOT.glob(".github/ISSUE_TEMPLATE/*.yml") if path.name != "config.yml")
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-issue-forms", *forms)
    session.run("squawk", f"--exclude={','.join(SQUAWK_EXCLUDED)}", *sorted(map(str, ROOT.glob("migrations/*/*.sql"))))


@nox.session
def typecheck(session: nox.Session) -> None:
    """Check types: mypy strict everywhere, pyright on what users see; in benchmarks, that what they use exists."""
    install(session, "dev")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--project", "benchmarks")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests on real servers. Without Node.js the TimescaleDB tests say that they are skipped."""
    install(session, "dev")
    session.run("pytest", *SPREAD, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests, list the lines and branches that none of them reaches, and fail below the floor.

    It takes half as long again as `tests`. A run of chosen tests has no floor to reach.
    """
    install(session, "dev")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *SPREAD, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    floor = ("--fail-under", "0") if session.posargs else ()
    session.run("coverage", "report", "--skip-covered", "--show-missing", *floor)


@nox.session
def tests_wheel(session: nox.Session) -> None:
    """Run the tests that need no checkout against the built wheel."""
    install(session, "dev")
    session.run("pytest", "tests/packaging", *session.posargs)


@nox.session
def matrix(session: nox.Session) -> None:
    """Try old and new code beside old and new schema; `-- v1.2.0` names the old one (default: the newest release)."""
    session.install("-e", ".[codegen,embedded]", "uv", *CONSTRAINTS)
    session.run("python", ".ci/matrix.py", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Show everything at work on an embedded PostgreSQL, or the engine of ClickHouse (or on DATABASE_URL)."""
    on_clickhouse = "clickhouse" in session.posargs
    install(session, "clickhouse,server" if on_clickhouse else "embedded,server")
    if on_clickhouse:
        session.install("chdb-core", *CONSTRAINTS)
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


def build_into(session: nox.Session, dist: Path) -> None:
    """Build the sdist, and the wheel from it. Their time stamps are the last commit's, so each build is the same."""
    shutil.rmtree(dist, ignore_errors=True)
    epoch = session.run("git", "log", "-1", "--format=%ct", external=True, silent=True)
    # Without isolation: the build tools are those of the constraints, not the newest of the day.
    tool = ("python", "-m", "build", "--no-isolation", "--outdir", str(dist))
    session.run(*tool, env={"SOURCE_DATE_EPOCH": str(epoch).strip()}, silent=True)


def build_twice(session: nox.Session) -> None:
    """Build in dist/ and once more elsewhere; fail if the two differ in a byte."""
    again = Path(session.create_tmp()) / "again"
    build_into(session, DIST)
    build_into(session, again)
    session.run("python", ".ci/release.py", "same", "dist", str(again))


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the sdist in dist/, twice, and fail if the two builds differ."""
    session.install("build", "hatch-fancy-pypi-readme", "hatchling", *CONSTRAINTS)
    build_twice(session)
    session.log("dist/ holds " + " and ".join(sorted(path.name for path in DIST.iterdir())))


@nox.session
def release(session: nox.Session) -> None:
    """Check version, changelog, tag and work tree, build, list the dependencies (SBOM), say what is left to do.

    It uploads nothing. With `-- --tag` it makes the tag, in this checkout.
    """
    session.install("build", "hatch-fancy-pypi-readme", "hatchling", "cyclonedx-bom", "uv", *CONSTRAINTS)
    session.run("python", ".ci/release.py", "check")
    build_twice(session)
    write_sbom(session)
    if "--tag" in session.posargs:
        session.run("python", ".ci/release.py", "tag")
    session.run("python", ".ci/release.py", "next", "dist")


def write_sbom(session: nox.Session) -> None:
    """Write what a deployment installs, as CycloneDX JSON beside the wheel that it was installed from."""
    (wheel,) = DIST.glob("*.whl")
    environment = Path(session.create_tmp()) / "deployment"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    session.run("uv", "venv", "--quiet", "--clear", str(environment))
    session.run("uv", "pip", "install", "--quiet", "--python", str(python), f"{wheel}[binary,cli]", *CONSTRAINTS)
    name = "-".join(wheel.name.split("-")[:2])
    options = "--pyproject pyproject.toml --mc-type library --output-reproducible --output-format JSON"
    target = ("--output-file", str(DIST / f"{name}.cdx.json"))
    session.run("cyclonedx-py", "environment", *options.split(), *target, str(python))


@nox.session
def lock(session: nox.Session) -> None:
    """Write .ci/constraints.txt: the versions that CI installs, for every platform and Python."""
    session.install("uv")
    options = "--all-extras --universal --upgrade --no-emit-index-url --no-emit-find-links --no-annotate"
    target = ("--custom-compile-command", "nox -s lock", "-o", ".ci/constraints.txt")
    session.run("uv", "pip", "compile", "pyproject.toml", *options.split(), *target, silent=True)
