"""Commands in the documents exist."""

from __future__ import annotations

import argparse
import re

from adi_analytics.migrate.cli.arguments import make_parser
from adi_analytics.server.cli import main as server
from adi_analytics_codegen.cli import main as codegen
from support.paths import ROOT

COMMAND = re.compile(r"(?:^|[`(] ?)(analytics-(?:migrate|codegen|server)) ([a-z][a-z-]*)\b", re.MULTILINE)


def commands(parser):
    (found,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    return set(found.choices)


def test_every_command_in_the_documents_is_one():
    known = {
        "analytics-migrate": commands(make_parser()),
        "analytics-codegen": commands(codegen._parser()),
        "analytics-server": commands(server._parser()),
    }
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
    used = {
        (page.relative_to(ROOT).as_posix(), *match.groups())
        for page in pages
        for match in COMMAND.finditer(page.read_text(encoding="utf-8"))
    }
    assert {program for _, program, _ in used} == set(known)
    assert not [one for one in sorted(used) if one[2] not in known[one[1]]]
