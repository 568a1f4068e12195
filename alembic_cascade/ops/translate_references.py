"""The values of a foreign key, translated from one key of the parent to another of its keys."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

from alembic.operations import MigrateOperation, Operations

from alembic_cascade.foreign_keys import TableName, column_list
from alembic_cascade.locking import ORDINARY, Locking
from alembic_cascade.ops.arguments import check_columns


@Operations.register_operation("translate_references")
class TranslateReferencesOp(MigrateOperation):
    """Write into ``local_cols`` the parent's ``to_cols`` where they hold its ``from_cols``."""

    def __init__(
        self,
        source: TableName,
        referent: TableName,
        local_cols: Sequence[str],
        *,
        from_cols: Sequence[str],
        to_cols: Sequence[str],
        if_exists: bool = False,
        locking: Locking = ORDINARY,
    ) -> None:
        self.source = source
        self.referent = referent
        self.local_cols = tuple(local_cols)
        self.from_cols = tuple(from_cols)
        self.to_cols = tuple(to_cols)
        self.if_exists = if_exists
        self.locking = locking

    @property
    def label(self) -> str:
        """The translation in words: ``imports.flow_ref: flows.id -> flows.flow_id``."""
        local = column_list(self.source, self.local_cols)
        return f"{local}: {column_list(self.referent, self.from_cols)} -> {column_list(self.referent, self.to_cols)}"

    def reverse(self) -> TranslateReferencesOp:
        return TranslateReferencesOp(
            self.source,
            self.referent,
            self.local_cols,
            from_cols=self.to_cols,
            to_cols=self.from_cols,
            if_exists=self.if_exists,
            locking=self.locking,
        )

    def to_diff_tuple(self) -> tuple[str, str, tuple[str, ...], str, tuple[str, ...], tuple[str, ...]]:
        """``("translate_references", source, local_cols, referent, from_cols, to_cols)``."""
        return (
            "translate_references",
            str(self.source),
            self.local_cols,
            str(self.referent),
            self.from_cols,
            self.to_cols,
        )

    @classmethod
    def translate_references(
        cls,
        operations: Operations,
        source_table: str,
        referent_table: str,
        local_cols: list[str],
        *,
        from_cols: list[str],
        to_cols: list[str],
        source_schema: str | None = None,
        referent_schema: str | None = None,
        if_exists: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        """Translate references from the parent's ``from_cols`` to its ``to_cols``, in one UPDATE.

        Put it where no foreign key is on ``local_cols``: between the drop of the old key and the create of
        the new one. Rows in which one of ``local_cols`` is NULL stay as they are. The user's triggers do
        not fire, for the rows mean what they meant before; each one's state is as it was afterwards.

        :param if_exists: skip the operation, with a log line, where one of the tables is absent.
        :param lock_timeout: as in :func:`op.alter_foreign_key`, whose ``translate`` is the way to do it concurrently.

        Errors: :exc:`.ReferencesNotTranslatable` where the columns have other types, ``from_cols`` or
        ``to_cols`` are not unique, a row has no parent, a parent has NULL in ``to_cols``, or another key
        without ON UPDATE CASCADE refers to ``local_cols``; :exc:`.TableNotFound`;
        :exc:`.UnsupportedDialect` on anything but PostgreSQL. The database is as it was after each.
        """
        check_columns(local_cols, from_cols=from_cols, to_cols=to_cols)
        operations.invoke(
            cls(
                TableName(source_schema, source_table),
                TableName(referent_schema, referent_table),
                local_cols,
                from_cols=from_cols,
                to_cols=to_cols,
                if_exists=if_exists,
                locking=Locking.asked(concurrently=False, lock_timeout=lock_timeout),
            )
        )
