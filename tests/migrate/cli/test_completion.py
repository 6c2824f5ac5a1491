"""Completion, asked by real shells; each shell that is not installed is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.migrating import environment, run
from support.paths import ROOT

# What a user types is completed by the functions that `completion SHELL` defines, as a press of Tab does.
BASH = """
eval "$(analytics-migrate completion bash)"
function=$(complete -p analytics-migrate); function=${function##*-F }; function=${function%% *}
for line; do
    COMP_LINE=$line COMP_POINT=${#line} COMP_TYPE=9
    $function analytics-migrate 2>/dev/null
    echo "${COMPREPLY[@]}"
done
"""
ZSH = """
autoload -Uz compinit && compinit -u -D
eval "$(analytics-migrate completion zsh)"
function=${_comps[analytics-migrate]}
_describe() { print -r -- ${completions%%:*} }  # what it would show
words=(analytics-migrate)
for line; do
    BUFFER=$line CURSOR=${#line}
    $function
done
"""
FISH = """
analytics-migrate completion fish | source
for line in $argv
    echo (complete --do-complete $line | string split --fields 1 \\t)
end
"""
SHELLS = {
    "bash": ("bash", "--norc", "-c", BASH, "bash"),
    "zsh": ("zsh", "-f", "-c", ZSH, "zsh"),
    "fish": ("fish", "--no-config", "-c", FISH),
}


@pytest.fixture(params=SHELLS)
def shell(request, tmp_path: Path):
    """A shell that completes a line."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "HOME": str(tmp_path), "ADI_ANALYTICS_PROJECT": str(ROOT)}

    def completed(*lines: str) -> list[list[str]]:
        command = [*SHELLS[request.param], *lines]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=variables, cwd=tmp_path)
        assert "Traceback" not in done.stderr
        return [sorted(line.split()) for line in done.stdout.splitlines()]

    return completed


def test_a_shell_completes_commands_options_and_values(shell, tmp_path: Path) -> None:
    (tmp_path / "letters.jsonl").touch()
    assert shell(
        "analytics-migrate dr",
        "analytics-migrate status --ch",
        "analytics-migrate drift --format j",
        "analytics-migrate refresh analytics_err",
        "analytics-migrate dead-letters import lett",
    ) == [["drift", "dry-run"], ["--check"], ["json"], ["analytics_errors_hourly"], ["letters.jsonl"]]


def test_without_argcomplete_nothing_is_run_and_the_command_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("argcomplete", "argcomplete.shell_integration"):
        monkeypatch.setitem(sys.modules, name, None)

    told = run("completion", "bash")
    with environment(_ARGCOMPLETE="1"):
        asked = run("completion", "bash")

    assert (told.code, "pip install 'adi-analytics[cli]'" in told.err) == (2, True)
    assert (asked.code, asked.out, asked.err) == (1, "", "")
