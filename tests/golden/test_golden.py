"""Revisions that earlier versions wrote do the same in this one, up, down and up, by Alembic and by psql."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from psql import run_script

from golden.replay import prepared, state

if TYPE_CHECKING:
    from project import Project

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/revision.py"))


def test_there_are_golden_revisions() -> None:
    """An empty list would replay nothing and be green."""
    assert len(CASES) >= 7


@pytest.mark.parametrize("by_script", [False, True], ids=["alembic", "psql"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_revision_does_what_it_did_when_it_was_written(project: Project, case: Path, by_script: bool) -> None:
    """Its text alone decides: neither the models nor the settings of today are looked at."""
    prepared(project, case)
    (project.path / "versions" / "revision.py").write_text((case / "revision.py").read_text())
    before, after = state(project), (case / "after.txt").read_text()
    for step in ("up", "down", "up"):
        if by_script:
            script = project.upgrade_script() if step == "up" else project.downgrade_script("head:base")
            run_script(
                project.url,
                script.replace("CREATE TABLE alembic_version", "CREATE TABLE IF NOT EXISTS alembic_version"),
            )
        elif step == "up":
            project.upgrade()
        else:
            project.downgrade("base")
        assert state(project) == (after if step == "up" else before), step
