"""Foreign keys made and dropped where Alembic's own operations can't say all of it."""

from __future__ import annotations

from dataclasses import replace
from types import EllipsisType

from alembic.operations import Operations, ops
from sqlalchemy import ForeignKeyConstraint

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.locking import ORDINARY, Locking
from alembic_cascade.naming import named
from alembic_cascade.ops.arguments import check_flags, key_from_arguments
from alembic_cascade.ops.ordinary import create_operation, created_key, given_name


@Operations.register_operation("add_foreign_key")
class AddForeignKeyOp(ops.CreateForeignKeyOp):
    """Make a foreign key that may be NOT ENFORCED, on a table that may be absent in a deployment.

    To other people's Rewriters it is the ``CreateForeignKeyOp`` that it extends, and it is rendered as
    one where that says everything. ``declared`` is the model's constraint, which diffs show as it is written.
    """

    def __init__(
        self,
        key: ForeignKey,
        *,
        declared: ForeignKeyConstraint | None = None,
        if_exists: bool = False,
        locking: Locking = ORDINARY,
    ) -> None:
        ordinary = create_operation(key)
        super().__init__(
            ordinary.constraint_name,
            ordinary.source_table,
            ordinary.referent_table,
            ordinary.local_cols,
            ordinary.remote_cols,
            **ordinary.kw,
        )
        self._declared = declared
        self._declared_key = key
        self.if_exists = if_exists
        self.locking = locking

    @property
    def declared(self) -> ForeignKeyConstraint | None:
        """The model's constraint, None where no model declares the key."""
        return self._declared

    @property
    def key(self) -> ForeignKey:
        """The key that it makes, whoever changed the operation since."""
        return created_key(self)

    @property
    def is_ordinary(self) -> bool:
        """Whether ``op.create_foreign_key`` says all of it."""
        return self.key.enforced and self.key.comment is None and not self.if_exists and not self.locking.keywords

    def ordinary(self) -> ops.CreateForeignKeyOp:
        """Alembic's own operation, which says nothing of ``enforced`` and ``if_exists``."""
        return create_operation(self.key)

    def reverse(self) -> DropForeignKeyOp:
        return DropForeignKeyOp(self.key, if_exists=self.if_exists, locking=self.locking)

    def to_diff_tuple(self) -> tuple[str, ForeignKeyConstraint]:
        if self._declared is None or self.key != self._declared_key:
            return super().to_diff_tuple()
        return ops.CreateForeignKeyOp.from_constraint(self._declared).to_diff_tuple()

    @classmethod
    def add_foreign_key(
        cls,
        operations: Operations,
        constraint_name: str,
        source_table: str,
        referent_table: str,
        local_cols: list[str],
        remote_cols: list[str],
        *,
        ondelete: str | None = None,
        onupdate: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        match: str | None = None,
        not_valid: bool = False,
        enforced: bool = True,
        source_schema: str | None = None,
        referent_schema: str | None = None,
        comment: str | None = None,
        if_exists: bool = False,
        concurrently: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        """Make a foreign key, as ``op.create_foreign_key`` does, with some things more.

        :param enforced: False makes it NOT ENFORCED (PostgreSQL 18).
        :param comment: the comment on the constraint.
        :param if_exists: skip the operation, with a log line, where the source or the referent table is absent.
        :param concurrently: NOT VALID first, then VALIDATE CONSTRAINT, so that no lock is held while rows are looked
         at; a key that stands already, as after an interruption, is not made again. With ``not_valid`` it stays
         NOT VALID.
        :param lock_timeout: as in :func:`op.alter_foreign_key`.

        The other arguments are those of :func:`op.alter_foreign_key`.

        Errors: :exc:`.TableNotFound`, :exc:`.OrphansRemain`, :exc:`.LockNotAcquired`, :exc:`.AutocommitRequired`,
        :exc:`.UnsupportedDialect`.
        """
        key = key_from_arguments(
            constraint_name, source_table, referent_table, local_cols, remote_cols, source_schema, referent_schema,
            {
                "ondelete": ondelete, "onupdate": onupdate, "deferrable": deferrable, "initially": initially,
                "match": match, "not_valid": not_valid, "enforced": enforced,
            },
        )  # fmt: skip
        locking = Locking.asked(concurrently, lock_timeout)
        operations.invoke(cls(replace(key, comment=comment), if_exists=if_exists, locking=locking))


@Operations.register_operation("drop_foreign_key")
class DropForeignKeyOp(ops.DropConstraintOp):
    """Drop a foreign key, found by its column pairs where it has another name in a deployment.

    To other people's Rewriters it is the ``DropConstraintOp`` that it extends.
    """

    def __init__(
        self, key: ForeignKey, *, doubled: bool = False, if_exists: bool = False, locking: Locking = ORDINARY
    ) -> None:
        super().__init__(
            key.name,
            key.source.name,
            type_="foreignkey",
            schema=key.source.schema,
            if_exists=if_exists or None,
        )
        self._key = key
        self.doubled = doubled
        self.locking = locking
        self.is_own = False

    @property
    def key(self) -> ForeignKey:
        """The key that it drops, whoever changed the operation since."""
        return replace(self._key, name=given_name(self), source=TableName(self.schema, self.table_name))

    @property
    def is_ordinary(self) -> bool:
        """Whether ``op.drop_constraint`` says all of it, and nobody wants it to be ours (``is_own``)."""
        return self.constraint_name is not None and not (self.if_exists or self.locking.keywords or self.is_own)

    def ordinary(self) -> ops.DropConstraintOp:
        """Alembic's own operation, which says nothing of ``if_exists``."""
        table = self.key.source
        return ops.DropConstraintOp(self.constraint_name, table.name, "foreignkey", schema=table.schema)

    def reverse(self) -> AddForeignKeyOp:
        return AddForeignKeyOp(named(self.key), if_exists=bool(self.if_exists), locking=self.locking)

    def to_constraint(self) -> ForeignKeyConstraint:
        return create_operation(self.key).to_constraint()

    @classmethod
    def drop_foreign_key(
        cls,
        operations: Operations,
        constraint_name: str,
        source_table: str,
        referent_table: str,
        local_cols: list[str],
        remote_cols: list[str],
        *,
        source_schema: str | None = None,
        referent_schema: str | None = None,
        doubled: bool = False,
        if_exists: bool = False,
        concurrently: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        """Drop the key of that name, or else the one with the same column pairs and referent.

        :param doubled: another key with the same column pairs and referent stays: only the one of that name is dropped.
        :param if_exists: skip the operation, with a log line, where the table is absent.
        :param concurrently: wait for the locks a little, again and again; a key that is gone already, as after an
         interruption, is no error.
        :param lock_timeout: as in :func:`op.alter_foreign_key`.

        Errors: :exc:`.TableNotFound`, :exc:`.ForeignKeyNotFound`, :exc:`.LockNotAcquired`, :exc:`.AutocommitRequired`.
        """
        key = key_from_arguments(
            constraint_name, source_table, referent_table, local_cols, remote_cols, source_schema, referent_schema, {}
        )
        check_flags(doubled=doubled)
        locking = Locking.asked(concurrently, lock_timeout)
        operations.invoke(cls(key, doubled=doubled, if_exists=if_exists, locking=locking))
