"""What the tests of the preflight share: a role that owns nothing yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project


@pytest.fixture
def role(project: Project) -> Iterator[str]:
    """A role that may make tables in ``public``, and nothing else."""
    name = f"ru %nner {project.url.database}"
    project.execute(
        f'DROP ROLE IF EXISTS "{name}"', f'CREATE ROLE "{name}" LOGIN', f'GRANT USAGE, CREATE ON SCHEMA public TO "{name}"',
        f'GRANT CREATE ON DATABASE "{project.url.database}" TO "{name}"',
    )  # fmt: skip
    yield name
    project.execute(f'DROP OWNED BY "{name}" CASCADE', f'DROP ROLE "{name}"')
