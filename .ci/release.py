"""Check that a release is ready, and say what is left to do: `nox -s release`.

It is ready when pyproject.toml, the changelog and the tag agree on its version, and when everything is committed.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

RELEASE: Final = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?")
HEADING: Final = re.compile(r"^## \[(?P<name>[^]]+)\](?: - (?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2}))?\s*$", re.MULTILINE)


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints, without the white space around it."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def version_of(folder: Path) -> str:
    """Return the version in the folder's pyproject.toml."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["version"])


def problems(folder: Path) -> Iterator[str]:
    """Yield what keeps the checkout in *folder* from being released."""
    version = version_of(folder)
    if not RELEASE.fullmatch(version):
        yield f"pyproject.toml: version {version} is not a release; expected something like 1.2.0 or 1.2.0rc1"
    yield from _changelog_problems((folder / "CHANGELOG.md").read_text("utf-8"), version)
    if changed := git(folder, "status", "--porcelain"):
        yield f"the work tree has changes; commit them or put them aside:\n{changed}"
    tagged = git(folder, "tag", "--list", f"v{version}")
    if tagged and git(folder, "rev-parse", f"v{version}^{{commit}}") != git(folder, "rev-parse", "HEAD"):
        yield f"the tag v{version} is on another commit: this version is released; raise the one in pyproject.toml"


def _changelog_problems(text: str, version: str) -> Iterator[str]:
    headings = list(HEADING.finditer(text))
    names = [heading["name"] for heading in headings]
    if names[:1] != ["Unreleased"]:
        yield "CHANGELOG.md: the first section must be `## [Unreleased]`"
        return
    end = headings[1].start() if len(headings) > 1 else len(text)
    if text[headings[0].end() : end].strip():
        yield f"CHANGELOG.md: [Unreleased] has entries; move them under `## [{version}] - YYYY-MM-DD`"
    if names[1:2] != [version]:
        found = names[1] if len(names) > 1 else "nothing"
        yield f"CHANGELOG.md: under [Unreleased] comes {found}, expected [{version}], the version of pyproject.toml"
    elif headings[1]["date"] is None:
        yield f"CHANGELOG.md: [{version}] has no date; expected `## [{version}] - YYYY-MM-DD`"


def differences(first: Path, second: Path) -> list[str]:
    """Return the names of the files that are not in both folders with the same bytes."""
    names = sorted({path.name for folder in (first, second) for path in folder.iterdir()})
    return sorted({*names} - {*filecmp.cmpfiles(first, second, names, shallow=False)[0]})


def next_steps(folder: Path, dist: Path) -> str:
    """Return what to do with a release that is built."""
    version = version_of(folder)
    sums = [f"  {hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in sorted(dist.iterdir())]
    tag = "" if git(folder, "tag", "--list", f"v{version}") else f"  git tag --annotate v{version} -m {version}\n"
    return (
        "\n".join([f"adi-analytics {version} is built and checked:", *sums])
        + f"\nNothing was uploaded. What is left:\n{tag}  git push origin v{version}\n"
        f"  uvx twine upload {dist.name}/*.whl {dist.name}/*.tar.gz\n"
        f"and attach {dist.name}/*.cdx.json to the release's page."
    )


def main() -> int:
    """Run one of the steps and return 1 if it finds a problem."""
    parser = argparse.ArgumentParser(description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("check", help="say what keeps this checkout from being released")
    same = steps.add_parser("same", help="fail unless two folders hold the same files, byte for byte")
    same.add_argument("folders", type=Path, nargs=2)
    steps.add_parser("tag", help="tag the last commit with the version, in this checkout")
    steps.add_parser("next", help="say what to do with what was built").add_argument("dist", type=Path)
    options = parser.parse_args()
    here = Path.cwd()
    if options.step == "tag":
        version = version_of(here)
        git(here, "tag", "--annotate", f"v{version}", "--message", version)
        return 0
    if options.step == "next":
        print(next_steps(here, options.dist))
        return 0
    if options.step == "same":
        found = [f"{name} differs between two builds" for name in differences(*options.folders)]
    else:
        found = list(problems(here))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
