"""What rows get that are older than a lifecycle column."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

from alembic.operations import MigrateOperation, Operations, ops

from alembic_cascade.config import BATCH_SIZE
from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.triggers import Source
from alembic_cascade.locking import ORDINARY, USUAL, Locking, Pace
from alembic_cascade.ops.arguments import check_flags
from alembic_cascade.ops.lifecycle_trigger import check_column, check_expression, source_of


class NothingOps(ops.OpContainer):
    """What reverses an operation that has nothing to be taken back."""


class NothingAlteredOp(ops.AlterColumnOp):
    """Likewise among the operations on a table."""


class NullTakenAgainOps(ops.ModifyTableOps):
    """A column that a backfill made NOT NULL takes NULL again."""

    def __init__(self, table: TableName, column: str) -> None:
        alter = ops.AlterColumnOp(
            table.name, column, schema=table.schema, modify_nullable=True, existing_nullable=False
        )
        super().__init__(table.name, [alter], schema=table.schema)
        self.column = column


@Operations.register_operation("backfill_lifecycle_column")
class BackfillLifecycleColumnOp(MigrateOperation):
    """Fill ``column`` of ``table`` where it is NULL, from a child or by an expression, and let it take no NULL then."""

    def __init__(
        self,
        table: TableName,
        column: str,
        *,
        source: Source | None = None,
        expression: str | None = None,
        nullable: bool = True,
        existing_nullable: bool = True,
        if_exists: bool = False,
        locking: Locking = ORDINARY,
        pace: Pace = USUAL,
    ) -> None:
        self.table = table
        self.column = column
        self.source = source
        self.expression = expression
        self.nullable = nullable
        self.existing_nullable = existing_nullable
        self.if_exists = if_exists
        self.locking = locking
        self.pace = pace

    @property
    def label(self) -> str:
        """The column in words: ``posts.created_at``."""
        return f"{self.table}.{self.column}"

    @property
    def takes_null_again(self) -> bool:
        """Whether the column took no NULL before, and is to take it: all there is to do then."""
        return self.nullable and not self.existing_nullable

    def reverse(self) -> MigrateOperation:
        """NULL is taken again. The values stay: those of a new column go with it, others are not known any more."""
        if self.nullable:
            return NothingOps()
        if not self.locking.concurrently:
            return NullTakenAgainOps(self.table, self.column)
        return BackfillLifecycleColumnOp(
            self.table, self.column, existing_nullable=False, if_exists=self.if_exists, locking=self.locking
        )

    def to_diff_tuple(self) -> tuple[str, str, str]:
        """``("backfill_lifecycle_column", table, column)``."""
        return ("backfill_lifecycle_column", str(self.table), self.column)

    @classmethod
    def backfill_lifecycle_column(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        *,
        set_from: str | Sequence[str] | None = None,
        local_cols: Sequence[str] | None = None,
        remote_cols: Sequence[str] | None = None,
        expression: str | None = None,
        nullable: bool = True,
        existing_nullable: bool = True,
        schema: str | None = None,
        source_schema: str | None = None,
        if_exists: bool = False,
        concurrently: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
        batch_size: int = BATCH_SIZE,
        batch_pause: float = 0,
    ) -> None:
        """Fill a lifecycle column in rows that were there before it. No trigger of the user's fires.

        A downgrade does not take the values out again: they go with their column, and of a column that was there before
        nobody knows what it held.

        :param set_from: ``child_table.column``: the newest value that the child has for a row, where the row has an
         older one or none; with ``local_cols``, ``remote_cols`` and ``source_schema`` as in
         :func:`op.create_lifecycle_trigger`.
        :param expression: SQL, of the table's columns: the value of a row that has none.
        :param nullable: False: the column takes no NULL from then on, if no row has one.
        :param existing_nullable: False: it took no NULL before, and with ``concurrently`` takes it from then on: the
         way back from ``nullable=False``.
        :param schema: of the table.
        :param if_exists: skip the operation, with a log line, where the table is absent.
        :param concurrently: in batches, each in a short transaction of its own.
        :param lock_timeout: as in :func:`op.alter_foreign_key`.
        :param batch_size: how many rows are filled in one transaction.
        :param batch_pause: seconds between two batches, for replicas that lag behind.

        Errors: :exc:`.LifecycleRefused` where a row has no value and NULL is not to be taken, and for what PostgreSQL
        refuses; :exc:`.TableNotFound`; :exc:`.LockNotAcquired`; :exc:`.AutocommitRequired`;
        :exc:`.UnsupportedDialect` on anything but PostgreSQL; :exc:`.ConfigError`.
        """
        check_column(table_name, column_name, schema)
        check_flags(nullable=nullable, existing_nullable=existing_nullable, if_exists=if_exists)
        check_expression(expression)
        if set_from is not None and expression is not None:
            raise ConfigError("expression", "contradicts set_from: only one can say the value")
        if set_from is None and expression is None and nullable and (existing_nullable or not concurrently):
            raise ConfigError("set_from", "nothing is to be done: give set_from, expression or nullable=False")
        source = source_of(set_from, local_cols, remote_cols, source_schema)
        operations.invoke(
            cls(
                TableName(schema, table_name),
                column_name,
                source=source,
                expression=expression,
                nullable=nullable,
                existing_nullable=existing_nullable,
                if_exists=if_exists,
                locking=Locking.asked(concurrently, lock_timeout),
                pace=Pace.asked(batch_size, batch_pause),
            )
        )
