"""Small projects on disk: a catalog, what is generated from it, and commands run on it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adi_analytics_codegen.cli.main import main


@dataclass
class Project:
    """A folder with a catalog."""

    folder: Path

    @property
    def catalog(self) -> Path:
        return self.folder / "events.yaml"

    @property
    def out(self) -> Path:
        return self.folder / "generated"

    def write(self, text: str, name: str = "events.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, command: str, *arguments: object) -> int:
        return main([command, "--catalog", str(self.catalog), *map(str, arguments)])

    def python(self, code: str) -> str:
        """Run *code* with the generated package importable, and return what it prints."""
        return run_python(code, self.out / "python")


def run_python(code: str, *paths: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def minimal(**sections: Any) -> str:
    """Return a catalog with one event and *sections* added or replaced, as YAML (JSON is YAML)."""
    base: dict[str, Any] = {
        "catalog": {"format": 1, "name": "small", "owner": "me"},
        "domains": {"web": "The site."},
        "events": {"page_view": {"domain": "web", "description": "A page was shown.", "fields": {}}},
    }
    return json.dumps(base | sections, ensure_ascii=False)
