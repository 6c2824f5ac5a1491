"""The peers: how they are installed, and the project's events in their formats."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adi_analytics_codegen.check.catalog import load_catalog
from adi_analytics_codegen.model.catalog import Catalog
from adi_analytics_codegen.model.events import Event
from adi_analytics_codegen.model.kinds import FieldType

GLEAN = "glean_parser==22.0.1"
BUF = "@bufbuild/buf@1.75.0"
_GLEAN_TYPES = {FieldType.INT: "quantity", FieldType.BOOL: "boolean"}
_PROTO_TYPES = {FieldType.INT: "int64", FieldType.BOOL: "bool", FieldType.FLOAT: "double"}


@dataclass(frozen=True)
class Installed:
    """The commands of the peers."""

    glean: Path
    buf: Path


@dataclass(frozen=True)
class Data:
    """The events in the peers' formats."""

    metrics: Path
    protos: Path


def install(folder: Path) -> Installed:
    """Install the peers into *folder*, unless they are there."""
    glean, buf = folder / "glean" / "bin" / "glean_parser", folder / "node_modules" / ".bin" / "buf"
    folder.mkdir(parents=True, exist_ok=True)
    if not glean.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "glean"], check=True)
        subprocess.run([folder / "glean" / "bin" / "pip", "install", "-q", GLEAN], check=True)
    if not buf.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("the comparison with buf needs Node.js and npm")
        subprocess.run([npm, "install", "--no-audit", "--no-fund", "--prefix", folder, BUF], check=True)
    return Installed(glean, buf)


def convert(path: Path, folder: Path) -> Data:
    """Write the events of the catalog at *path* into *folder*, as Glean metrics and as Protocol Buffers."""
    catalog = load_catalog(path)
    metrics = folder / "metrics.yaml"
    metrics.write_text(json.dumps(_metrics(catalog)))
    protos = folder / "protos"
    package = protos / "adi" / "v1"
    package.mkdir(parents=True)
    (protos / "buf.yaml").write_text("version: v2\nlint: {use: [STANDARD]}\nbreaking: {use: [FILE]}\n")
    for domain in catalog.domains:
        events = [event for event in catalog.events if event.domain == domain]
        (package / f"{domain}.proto").write_text(
            'syntax = "proto3";\n\npackage adi.v1;\n\n' + "\n".join(_message(event) for event in events)
        )
    return Data(metrics, protos)


def _metrics(catalog: Catalog) -> dict[str, Any]:
    made: dict[str, Any] = {"$schema": "moz://mozilla.org/schemas/glean/metrics/2-0-0"}
    for event in catalog.events:
        made.setdefault(event.domain, {})[event.name] = {
            "type": "event",
            "description": event.description,
            "bugs": ["https://bugzilla.mozilla.org/1"],
            "data_reviews": ["https://example.com"],
            "notification_emails": ["platform@adi.example"],
            "expires": "never",
            "extra_keys": {
                field.name: {"description": field.description, "type": _GLEAN_TYPES.get(field.type, "string")}
                for field in event.fields
            },
        }
    return made


def _message(event: Event) -> str:
    lines = [f"// {event.description}", f"message {event.class_name} {{"]
    for number, field in enumerate(event.fields, 1):
        optional = "optional " if field.optional else ""
        lines.append(f"  // {field.description}")
        lines.append(f"  {optional}{_PROTO_TYPES.get(field.type, 'string')} {field.name} = {number};")
    return "\n".join([*lines, "}\n"])
