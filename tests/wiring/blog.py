"""The models of a blog: posts refer to users, and the rule of that key is what changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem


def blog(ondelete: str | None, *more: SchemaItem, schema: str | None = None, **key: Any) -> MetaData:
    """Users and their posts; ``more`` are further columns and constraints of posts, ``key`` arguments of the key."""
    metadata = MetaData()
    parent = f"{schema}.users.id" if schema else "users.id"
    Table("users", metadata, Column("id", Integer, primary_key=True), schema=schema)
    Table(
        "posts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("user_id", ForeignKey(parent, ondelete=ondelete, **key)),
        *more,
        schema=schema,
    )
    return metadata


def blog_without_key() -> MetaData:
    """The same tables, with a plain column where the key was."""
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True))
    Table("posts", metadata, Column("id", Integer, primary_key=True), Column("user_id", Integer))
    return metadata


CASCADE_ADDED = """\
# posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
"""
CASCADE_REMOVED = """\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision)
"""
