"""Scenarios of changed rules: the whole text of a revision, then up, down and up on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenario import run_scenario
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

if TYPE_CHECKING:
    from project import Project


def posts(ondelete: str | None, name: str | None = None) -> MetaData:
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True))
    Table(
        "posts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("user_id", ForeignKey("users.id", ondelete=ondelete, name=name)),
    )
    return metadata


def test_an_unnamed_key_is_altered_under_the_name_that_the_database_gave_it(project: Project) -> None:
    """Plain Alembic writes drop_constraint(None) into the downgrade."""
    run_scenario(
        project,
        before=posts(None),
        after=posts("CASCADE"),
        upgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )
