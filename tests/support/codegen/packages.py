"""The generated package of a catalog, imported."""

import importlib.util
import itertools
import sys
import tempfile
from pathlib import Path
from types import ModuleType

from adi_analytics_codegen.backends import render
from adi_analytics_codegen.model.catalog import Catalog

_NUMBERS = itertools.count()


def package(catalog: Catalog) -> ModuleType:
    """Return the generated package of *catalog*, imported under a name of its own."""
    name = f"generated_{next(_NUMBERS)}"
    with tempfile.TemporaryDirectory() as folder:
        for path, text in render(catalog, ["python"]).items():
            target = Path(folder) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        root = target.parent
        spec = importlib.util.spec_from_file_location(
            name, root / "__init__.py", submodule_search_locations=[str(root)]
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        for late in ("_stored", "_info", "_fields", "_pydantic"):  # which come only when they are needed
            importlib.import_module(f"{name}.{late}")
    return made
