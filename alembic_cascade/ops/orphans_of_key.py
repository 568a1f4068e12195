"""What the operations on the orphans of one key have in common: which key, which revision, where rows are kept."""

from __future__ import annotations

from collections.abc import Sequence

from alembic.operations import MigrateOperation

from alembic_cascade.config import QUARANTINE_SCHEMA
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.locking import ORDINARY, USUAL, Locking, Pace
from alembic_cascade.orphans.statements import orphans_label


class OrphansOfKeyOp(MigrateOperation):
    """The orphans of the key of ``source`` on ``local_cols`` to the ``remote_cols`` of ``referent``.

    Without a ``revision`` it is written with the revision's own variable.
    """

    def __init__(
        self,
        source: TableName,
        referent: TableName,
        local_cols: Sequence[str],
        remote_cols: Sequence[str],
        *,
        revision: str | None = None,
        quarantine_schema: str | None = QUARANTINE_SCHEMA,
        if_exists: bool = False,
        locking: Locking = ORDINARY,
        pace: Pace = USUAL,
    ) -> None:
        self.source = source
        self.referent = referent
        self.local_cols = tuple(local_cols)
        self.remote_cols = tuple(remote_cols)
        self.revision = revision
        self.quarantine_schema = quarantine_schema
        self.if_exists = if_exists
        self.locking = locking
        self.pace = pace

    @property
    def label(self) -> str:
        """The key in words: ``posts.user_id -> users.id``."""
        return orphans_label(self.source, self.local_cols, self.referent, self.remote_cols)
