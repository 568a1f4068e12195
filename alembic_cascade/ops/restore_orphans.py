"""Rows and values that were set aside, put back."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

from alembic.operations import MigrateOperation, Operations

from alembic_cascade.config import BATCH_SIZE, QUARANTINE_SCHEMA, check_schema
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.locking import Locking, Pace
from alembic_cascade.ops.arguments import check_columns, check_flags, check_revision, check_tables
from alembic_cascade.ops.orphans_of_key import OrphansOfKeyOp


@Operations.register_operation("restore_orphans")
class RestoreOrphansOp(OrphansOfKeyOp):
    """Put back what a revision set aside for one key; ``reversed_op`` is what took it."""

    def __init__(
        self,
        source: TableName,
        referent: TableName,
        local_cols: Sequence[str],
        remote_cols: Sequence[str],
        *,
        reversed_op: MigrateOperation | None = None,
        **where: Any,
    ) -> None:
        super().__init__(source, referent, local_cols, remote_cols, **where)
        self._reversed_op = reversed_op

    def reverse(self) -> MigrateOperation:
        # On the way up again the rows would be set aside by the operation that took them.
        return self._reversed_op or self

    def to_diff_tuple(self) -> tuple[str, str, tuple[str, ...], str, tuple[str, ...]]:
        """``("restore_orphans", source, local_cols, referent, remote_cols)``."""
        return ("restore_orphans", str(self.source), self.local_cols, str(self.referent), self.remote_cols)

    @classmethod
    def restore_orphans(
        cls,
        operations: Operations,
        source_table: str,
        referent_table: str,
        local_cols: list[str],
        remote_cols: list[str],
        *,
        revision: str,
        quarantine_schema: str | None = QUARANTINE_SCHEMA,
        source_schema: str | None = None,
        referent_schema: str | None = None,
        if_exists: bool = False,
        concurrently: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
        batch_pause: float = 0,
    ) -> None:
        """Put back exactly what ``op.clean_orphans`` took for this key in this revision.

        Rows come back as they were, identity columns included; values where they still are as they were left.
        The user's triggers don't fire, and each one's state is as it was afterwards. What is in the way of
        somebody else's rows stays in the quarantine, and the log says so; nothing to restore is a log line.

        :param revision: which set the rows aside; ``revision=revision`` in a revision's file.
        :param quarantine_schema: where they are; None is beside the version table.
        :param if_exists: skip the operation, with a log line, where one of the tables is absent.
        :param concurrently: what each settling took, or each batch of one, in a short transaction of its own. Where the
         user's triggers or constraints that are NOT VALID are put out of the way, that locks the table for this time.
        :param lock_timeout: as in :func:`op.alter_foreign_key`.
        :param batch_pause: seconds between two batches.

        Errors: :exc:`.OrphansNotRestored` where row security hides rows or a right is missing;
        :exc:`.LockNotAcquired`; :exc:`.AutocommitRequired`;
        :exc:`.TableNotFound`; :exc:`.UnsupportedDialect` on anything but PostgreSQL; :exc:`.ConfigError`. The
        database is as it was after each.
        """
        check_tables(source_table=source_table, referent_table=referent_table)
        check_columns(local_cols, remote_cols=remote_cols)
        check_flags(if_exists=if_exists)
        check_revision(revision)
        check_schema("quarantine_schema", quarantine_schema)
        operations.invoke(
            cls(
                TableName(source_schema, source_table),
                TableName(referent_schema, referent_table),
                local_cols,
                remote_cols,
                revision=revision,
                quarantine_schema=quarantine_schema,
                if_exists=if_exists,
                locking=Locking.asked(concurrently, lock_timeout),
                pace=Pace.asked(BATCH_SIZE, batch_pause),
            )
        )
