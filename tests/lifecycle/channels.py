"""Users, channels and messages, and the settings that most tests have for them."""

from __future__ import annotations

from typing import Any

from project import Project
from sqlalchemy import Column, DateTime, ForeignKey, Integer, MetaData, Table, Text, func

from alembic_cascade import CascadeConfig, LifecycleColumn, configure_options

CREATED = LifecycleColumn("created_at", exclude="*_members", set_on="insert")
UPDATED = LifecycleColumn("updated_at", exclude="*_members", set_on="update")
ACTIVE = LifecycleColumn("last_active", tables="users")
NEWEST = LifecycleColumn("last_message_at", tables="channels", set_from="messages.sent_at")


def tables(*columns: Column[Any], of: str = "channels", more: dict[str, Any] | None = None) -> MetaData:
    """The models, with ``columns`` in one of them."""
    metadata = MetaData()
    kinds: dict[str, list[Any]] = {
        "users": [Column("name", Text)],
        "channels": [Column("title", Text)],
        "messages": [
            Column("channel_id", ForeignKey("channels.id", ondelete="CASCADE")),
            Column("sent_at", DateTime(timezone=True), server_default=func.now()),
        ],
    }
    kinds[of] += columns
    for name, items in {**kinds, **(more or {})}.items():
        Table(name, metadata, Column("id", Integer, primary_key=True, autoincrement=False), *items)
    return metadata


def configured(project: Project, *policies: LifecycleColumn, metadata: MetaData | None = None, **settings: Any) -> None:
    """Set what the models declare, and which lifecycle columns there are to be."""
    project.metadata = tables() if metadata is None else metadata
    project.options = {
        **project.options,
        **configure_options(CascadeConfig(lifecycle=policies, orphans=None, **settings)),
    }


def made(project: Project, *policies: LifecycleColumn, **settings: Any) -> None:
    """The tables as they are without lifecycle columns, and a migration that has run."""
    project.create(tables())
    configured(project, *policies, **settings)
    project.revisions()
    project.upgrade()


def moment(project: Project, column: str, table: str, row: int = 1) -> Any:
    """A value."""
    ((value,),) = project.fetch(f"SELECT {column} FROM {table} WHERE id = {row}")
    return value
