"""Builds the documentation: `nox -s docs`. Warnings, broken links among the pages first of all, are errors."""

project = "adi-analytics"
copyright = "2026, the adi-analytics authors"  # noqa: A001 - Sphinx reads this name
# Two rooms have a class `Options`, so a short name in an annotation has several targets.
suppress_warnings = ["ref.python"]
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "adi-analytics"
default_role = "code"  # docstrings write `name` for code
myst_heading_anchors = 3
nitpicky = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
