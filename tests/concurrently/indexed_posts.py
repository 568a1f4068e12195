"""Posts whose key is to get an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models import models, number
from sqlalchemy import Column, ForeignKey, Integer, MetaData

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from project import Project


INDEXES = """
SELECT indexrelid::regclass::text, indisvalid FROM pg_index
WHERE indrelid::regclass::text IN ('posts', 'posts_low', 'posts_high') AND NOT indisprimary ORDER BY 1
"""
MADE = [("ix_posts_user_id", True)]
ADD = "op.add_foreign_key_index('ix_posts_user_id', 'posts', ['user_id'], revision=revision)"
DROP = "op.drop_foreign_key_index('ix_posts_user_id', 'posts', ['user_id'], revision=revision)"
PLAIN = models(users=[], posts=[number("user_id"), number("length")])


def posts(*items: Any, convention: dict[str, str] | None = None, **column: Any) -> MetaData:
    key = Column("user_id", Integer, ForeignKey("users.id", name="made", ondelete="CASCADE"), **column)
    return models(convention=convention, users=[], posts=[key, number("length"), *items])


def indexing(project: Project, *setup: str) -> Project:
    """Posts without a key, and settings by which the key that they get is indexed."""
    project.options |= configure_options(CascadeConfig(concurrently=True, index_foreign_keys=True))
    project.create(PLAIN)
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1, 1), (2, 1, 2)", *setup)
    project.metadata = posts()
    return project


def by_hand(project: Project, upgrade: str, downgrade: str) -> None:
    """The only revision, of one operation each way."""
    for path in (project.path / "versions").glob("*.py"):
        path.unlink()
    block = "op.begin_concurrently()\nwith op.get_context().autocommit_block():\n    "
    project.write_revision(block + upgrade, block + downgrade)
