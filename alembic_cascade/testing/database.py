"""The database that people's own tests get."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Connection, MetaData
from sqlalchemy.orm import Session

from alembic_cascade.proof.ground import Ground


@dataclass(frozen=True)
class CascadeDatabase:
    """A database at head, in a transaction that is rolled back when the test is over.

    ``session`` can commit and roll back as it likes: it does so in savepoints of the transaction of ``connection``.
    """

    connection: Connection
    session: Session
    _metadatas: tuple[MetaData, ...] = field(repr=False)

    @cached_property
    def ground(self) -> Ground:
        """What rows are made from."""
        return Ground.of(self.connection, self._metadatas)
