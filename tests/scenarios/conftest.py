"""Scenarios of keys alone: what becomes of orphans has scenarios of its own, in ``tests/orphans``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from project import Project


@pytest.fixture
def project(project: Project) -> Project:
    """A project in whose revisions no operation on orphans stands between those on keys."""
    project.options = configure_options(CascadeConfig(orphans=None))
    return project
