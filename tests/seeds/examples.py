"""The applications of the example projects: their models, and what is in them, under names of their own."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from project import Project

EXAMPLE = Path(__file__).parents[2] / "example_project"


def example_module(story: str, module: str = "models") -> ModuleType:
    """A module of an example, under a name that can't be mistaken for another one of these tests."""
    name = f"example_{story}_{module}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, EXAMPLE / story / f"{module}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def models_without(story: str, *attributes: str, name: str) -> ModuleType:
    """The models of an example as if these attributes had never been written."""
    if name not in sys.modules:
        lines = (EXAMPLE / story / "models.py").read_text().splitlines()
        kept = [line for line in lines if not line.strip().startswith(tuple(f"{each}:" for each in attributes))]
        assert len(kept) == len(lines) - len(attributes)
        sys.modules[name] = ModuleType(name)
        exec(compile("\n".join(kept), name, "exec"), vars(sys.modules[name]))
    return sys.modules[name]


def undated_models(name: str = "example_collaboration_undated") -> ModuleType:
    """Seed 000's models without the columns that say when."""
    return models_without("collaboration", "last_active", "last_message_at", name=name)


def make_first_tables(project: Project) -> None:
    """Seed 000's tables without rows, and without what its load.py does to their keys."""
    shutil.copy(
        EXAMPLE / "collaboration" / "migrations" / "versions" / "0001_first_tables.py", project.path / "versions"
    )
    project.upgrade()
