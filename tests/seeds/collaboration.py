"""Seed 000's application: the models of the example project, and its tables as its first migration makes them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from project import Project

EXAMPLE = Path(__file__).parents[2] / "example_project" / "collaboration"


def example_models(name: str = "example_project_models") -> ModuleType:
    """The example's models, under a name that can't be mistaken for another module of these tests."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLE / "models.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def make_first_tables(project: Project) -> None:
    """The tables without rows, and without what the example's load.py does to their keys."""
    shutil.copy(EXAMPLE / "migrations" / "versions" / "0001_first_tables.py", project.path / "versions")
    project.upgrade()
