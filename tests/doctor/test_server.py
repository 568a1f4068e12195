"""``server``: the release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic_cascade.doctor.server import version_problems
from doctor.looks import look

if TYPE_CHECKING:
    from project import Project


def test_a_release_that_is_supported(project: Project) -> None:
    """It is named."""
    ((verdict, said),) = [(one.verdict.value, one.said) for one in look(project, "server")]
    assert verdict == "ok"
    assert said == f"PostgreSQL {project.fetch('SHOW server_version')[0][0]}"


def test_a_release_that_is_not() -> None:
    """No such server is at hand: the number alone decides."""
    assert list(version_problems(150000, "15.0")) == []
    (problem,) = version_problems(140012, "14.12")
    assert problem.said == "PostgreSQL 14.12 is not supported"
    assert problem.advice == "Bring the server to PostgreSQL 15 or later."
