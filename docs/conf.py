"""How Sphinx builds the documentation: ``sphinx-build -W -b html docs docs/_build/html``."""

from __future__ import annotations

import inspect
import os
import re
import sys
from importlib.metadata import version as installed_version
from types import ModuleType
from typing import TYPE_CHECKING

from alembic.operations import BatchOperations, Operations

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Revisions say ``op.alter_foreign_key``, and so does the reference; where the methods stand is Alembic's affair.
PROXIES = {"op": Operations, "batch_op": BatchOperations}
for name, operations in PROXIES.items():
    sys.modules[name] = ModuleType(name)
    vars(sys.modules[name]).update(vars(operations))

project = "alembic_cascade"
author = "The alembic_cascade authors"
project_copyright = f"2026, {author}"
release = installed_version("alembic-cascade")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinx_click"]
exclude_patterns = ["_build"]
default_role = "code"
highlight_language = "python"
pygments_style = "tango"

autodoc_member_order = "bysource"
autodoc_typehints = "none"

# The inventories are fetched only on demand: a build must not depend on other people's servers.
intersphinx_mapping = (
    {
        "python": ("https://docs.python.org/3", None),
        "sqlalchemy": ("https://docs.sqlalchemy.org/en/latest", None),
        "alembic": ("https://alembic.sqlalchemy.org/en/latest", None),
    }
    if os.environ.get("SPHINX_INTERSPHINX")
    else {}
)

# Two hyphens begin an option, and are no dash.
smartquotes_action = "qe"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = f"alembic_cascade {release}"
html_copy_source = False
html_show_sourcelink = False


def signature_of_operation(
    app: Sphinx, what: str, name: str, function: object, options: object, written: str, returns: str
) -> tuple[str, str] | None:
    """The arguments as a revision gives them: without ``self``, and with the values that stand for nothing given."""
    del app, what, options, written, returns
    if name.partition(".")[0] not in PROXIES or not callable(function):
        return None
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name != "self"
    ]
    return str(inspect.Signature(parameters)).replace("Ellipsis", "..."), ""


def verbatim_help(app: Sphinx, context: object, lines: list[str]) -> None:
    """What ``--help`` says is no reStructuredText: ``'legacy_*'`` has neither a reference nor an emphasis."""
    del app, context
    lines[:] = [line if ".. " in line or "``" in line else re.sub(r"[*_'\"]", r"\\\g<0>", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("autodoc-process-signature", signature_of_operation)
    app.connect("sphinx-click-process-description", verbatim_help)
    app.connect("sphinx-click-process-options", verbatim_help)
