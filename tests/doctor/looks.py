"""The checks of a database, asked of the database of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import models, reference
from sqlalchemy import MetaData, NullPool, create_engine

from alembic_cascade import CascadeConfig
from alembic_cascade.doctor.examination import OF_DATABASE, examination
from alembic_cascade.doctor.examined import Examined
from alembic_cascade.foreign_keys import TableName

if TYPE_CHECKING:
    from collections.abc import Collection

    from project import Project
    from sqlalchemy import Connection

    from alembic_cascade.doctor.outcome import Outcome

POSTS = models(users=[], posts=[reference("user_id", "users.id")])


def examined(
    connection: Connection,
    metadata: MetaData | None = POSTS,
    config: CascadeConfig | None = None,
    revisions: Collection[str] = (),
) -> Examined:
    """As env.py gives it to the checks."""
    metadatas = () if metadata is None else (metadata,)
    return Examined(connection, config or CascadeConfig(), metadatas, TableName(None, "alembic_version"), revisions)


def look(
    project: Project,
    check: str,
    *,
    role: str | None = None,
    metadata: MetaData | None = POSTS,
    config: CascadeConfig | None = None,
    revisions: Collection[str] = (),
) -> list[Outcome]:
    """What one check comes to, asked by the administrator or by a role."""
    url = project.url if role is None else project.url.set(username=role)
    skipped = set(OF_DATABASE) - {check}
    with create_engine(url, poolclass=NullPool).connect() as connection:
        asked = examined(connection, metadata, config, revisions)
        return [one for one in examination(asked, skipped, lambda _: None) if one.check == check]


def told(found: list[Outcome]) -> list[tuple[str, str, str]]:
    """The lines without the name of the check."""
    return [(one.verdict.value, one.said, one.advice) for one in found]
