"""A scenario: models before, models after, the whole text between them, then up, down, up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from project import Revision, catalogue, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from project import Project
    from sqlalchemy import MetaData


def run_scenario(
    project: Project,
    *,
    before: MetaData | None,
    after: MetaData | Sequence[MetaData],
    upgrade: str,
    downgrade: str,
    setup: Sequence[str] = (),
    tables: Sequence[str] = (),
) -> Revision:
    """Compare both bodies of the revision, then run it: up, no drift left, down to where it began, up again."""
    if before is not None:
        project.create(before)
    project.execute(*setup)
    project.metadata = after
    revision = project.revision()
    assert revision.upgrade == upgrade
    assert revision.downgrade == downgrade
    run_up_down_up(project, tables)
    return revision


def run_up_down_up(project: Project, tables: Sequence[str] = ()) -> None:
    """Up, no drift left, down to the schema and rows at the start, up to the state of the first time."""
    with project.engine.connect() as connection:
        start = catalogue(connection), dict(rows(connection, tables))
    project.upgrade()
    project.check()
    with project.engine.connect() as connection:
        upgraded = catalogue(connection), dict(rows(connection, tables))
    project.downgrade()
    with project.engine.connect() as connection:
        assert (catalogue(connection), dict(rows(connection, tables))) == start
    project.upgrade()
    with project.engine.connect() as connection:
        assert (catalogue(connection), dict(rows(connection, tables))) == upgraded
