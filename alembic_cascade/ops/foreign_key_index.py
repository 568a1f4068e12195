"""The index on the columns of a foreign key, without which a parent's delete looks at every child."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

from alembic.operations import MigrateOperation, Operations

from alembic_cascade.foreign_keys import TableName, column_list
from alembic_cascade.locking import Locking
from alembic_cascade.ops.arguments import check_columns, check_distinct, check_flags, check_revision, check_tables


class _ForeignKeyIndexOp(MigrateOperation):
    """Which index, of which revision. Without a ``revision`` it is written with the revision's own variable."""

    def __init__(
        self,
        index_name: str,
        source: TableName,
        local_cols: Sequence[str],
        *,
        revision: str | None = None,
        if_exists: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        self.index_name = index_name
        self.source = source
        self.local_cols = tuple(local_cols)
        self.revision = revision
        self.if_exists = if_exists
        self.locking = Locking(concurrently=True, lock_timeout=lock_timeout)

    @property
    def label(self) -> str:
        """The columns in words: ``posts.user_id``."""
        return column_list(self.source, self.local_cols)


@Operations.register_operation("add_foreign_key_index")
class AddForeignKeyIndexOp(_ForeignKeyIndexOp):
    """Build the index where there is none."""

    def reverse(self) -> DropForeignKeyIndexOp:
        return DropForeignKeyIndexOp(
            self.index_name,
            self.source,
            self.local_cols,
            revision=self.revision,
            if_exists=self.if_exists,
            lock_timeout=self.locking.lock_timeout,
        )

    def to_diff_tuple(self) -> tuple[str, str, str, tuple[str, ...]]:
        """``("add_foreign_key_index", index_name, source, local_cols)``."""
        return ("add_foreign_key_index", self.index_name, str(self.source), self.local_cols)

    @classmethod
    def add_foreign_key_index(
        cls,
        operations: Operations,
        index_name: str,
        source_table: str,
        local_cols: list[str],
        *,
        revision: str,
        source_schema: str | None = None,
        if_exists: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        """Build an index on the columns of a key by CREATE INDEX CONCURRENTLY, where there is none of any name.

        What an interrupted build left is removed and built again. A partitioned table's is built partition by
        partition. The index carries a comment: by it the downgrade knows that this revision made it, and autogenerate
        that no model has to declare it.

        :param revision: ``revision=revision`` in a revision's file.
        :param if_exists: skip the operation, with a log line, where the table is absent.
        :param lock_timeout: as in :func:`op.alter_foreign_key`; the build itself, which locks nobody out while it waits
         for older transactions, waits a minute where nothing is said.

        Errors: :exc:`.TableNotFound`, :exc:`.ForeignKeyRefused` for what PostgreSQL refuses, :exc:`.LockNotAcquired`,
        :exc:`.AutocommitRequired`, :exc:`.UnsupportedDialect` on anything but PostgreSQL, :exc:`.ConfigError`.
        """
        _check(index_name, source_table, local_cols, revision, if_exists=if_exists)
        Locking.asked(concurrently=True, lock_timeout=lock_timeout)
        operations.invoke(
            cls(
                index_name,
                TableName(source_schema, source_table),
                local_cols,
                revision=revision,
                if_exists=if_exists,
                lock_timeout=lock_timeout,
            )
        )


@Operations.register_operation("drop_foreign_key_index")
class DropForeignKeyIndexOp(_ForeignKeyIndexOp):
    """Drop the index where the revision made it."""

    def reverse(self) -> AddForeignKeyIndexOp:
        return AddForeignKeyIndexOp(
            self.index_name,
            self.source,
            self.local_cols,
            revision=self.revision,
            if_exists=self.if_exists,
            lock_timeout=self.locking.lock_timeout,
        )

    def to_diff_tuple(self) -> tuple[str, str, str, tuple[str, ...]]:
        """``("drop_foreign_key_index", index_name, source, local_cols)``."""
        return ("drop_foreign_key_index", self.index_name, str(self.source), self.local_cols)

    @classmethod
    def drop_foreign_key_index(
        cls,
        operations: Operations,
        index_name: str,
        source_table: str,
        local_cols: list[str],
        *,
        revision: str,
        source_schema: str | None = None,
        if_exists: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        """Drop what ``op.add_foreign_key_index`` built in this revision, by DROP INDEX CONCURRENTLY.

        An index that was there before stays, and so does one that somebody gave another comment.

        The arguments and errors are those of :func:`op.add_foreign_key_index`.
        """
        _check(index_name, source_table, local_cols, revision, if_exists=if_exists)
        Locking.asked(concurrently=True, lock_timeout=lock_timeout)
        operations.invoke(
            cls(
                index_name,
                TableName(source_schema, source_table),
                local_cols,
                revision=revision,
                if_exists=if_exists,
                lock_timeout=lock_timeout,
            )
        )


def _check(index_name: object, source_table: str, local_cols: list[str], revision: str, *, if_exists: bool) -> None:
    check_tables(index_name=index_name, source_table=source_table)
    check_columns(local_cols)
    check_distinct("local_cols", local_cols)
    check_flags(if_exists=if_exists)
    check_revision(revision)
