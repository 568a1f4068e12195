"""A foreign key changed in one step: another rule, another referent, another name."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType
from typing import Any

from alembic.operations import BatchOperations, Operations, ops
from sqlalchemy import ForeignKeyConstraint

from alembic_cascade.config import BATCH_SIZE
from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.locking import ORDINARY, USUAL, Locking, Pace
from alembic_cascade.naming import named
from alembic_cascade.ops.add_foreign_key import AddForeignKeyOp, DropForeignKeyOp
from alembic_cascade.ops.arguments import check_flags, existing_key, key_from_arguments
from alembic_cascade.ops.ordinary import created_key, dropped_key


@Operations.register_operation("alter_foreign_key")
@BatchOperations.register_operation("alter_foreign_key", "batch_alter_foreign_key")
class AlterForeignKeyOp(ops.OpContainer):
    """Change a foreign key from ``existing`` to ``target``.

    It contains Alembic's own drop and create, which ``alembic check``, ``compare_metadata`` and other
    people's Rewriters see. Whoever changes these children changes what is rendered and run.
    """

    def __init__(
        self,
        children: Sequence[ops.MigrateOperation],
        *,
        if_exists: bool = False,
        locking: Locking = ORDINARY,
        translate: bool = False,
        pace: Pace = USUAL,
    ) -> None:
        super().__init__(children)
        self.if_exists = if_exists
        self.locking = locking
        self.translate = translate
        self.pace = pace

    @classmethod
    def between(
        cls,
        existing: ForeignKey,
        target: ForeignKey,
        *,
        declared: ForeignKeyConstraint | None = None,
        if_exists: bool = False,
        locking: Locking = ORDINARY,
        translate: bool = False,
        pace: Pace = USUAL,
    ) -> AlterForeignKeyOp:
        """The operation that turns ``existing`` into ``target``."""
        children = [DropForeignKeyOp(existing), AddForeignKeyOp(target, declared=declared)]
        return cls(children, if_exists=if_exists, locking=locking, translate=translate, pace=pace)

    @property
    def change(self) -> tuple[ForeignKey, ForeignKey] | None:
        """The existing and the new key, None where the children are no longer one drop and one create of a key."""
        match self.ops:
            case [ops.DropConstraintOp() as drop, ops.CreateForeignKeyOp() as create]:
                existing, target = dropped_key(drop), created_key(create)
                if existing is not None and target.name and existing.source == target.source:
                    return existing, target
        return None

    def reverse(self) -> AlterForeignKeyOp:
        change = self.change
        if change is None:
            children = [child.reverse() for child in reversed(self.ops)]
            return AlterForeignKeyOp(children, **self._manner)
        existing, target = change
        return self.between(target, named(existing), **self._manner)

    @property
    def _manner(self) -> dict[str, Any]:
        return {
            "if_exists": self.if_exists, "locking": self.locking, "translate": self.translate, "pace": self.pace,
        }  # fmt: skip

    def to_diff_tuple(self) -> tuple[str, ForeignKeyConstraint, ForeignKeyConstraint]:
        """``("alter_fk", the existing constraint, the new one)``."""
        drop, create = self.ops
        return ("alter_fk", drop.to_constraint(), create.to_constraint())  # type: ignore[attr-defined]

    @classmethod
    def alter_foreign_key(
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
        existing_constraint_name: str | EllipsisType = ...,
        existing_referent_table: str | EllipsisType = ...,
        existing_referent_schema: str | EllipsisType | None = ...,
        existing_remote_cols: list[str] | EllipsisType = ...,
        existing_ondelete: str | EllipsisType | None = ...,
        existing_onupdate: str | EllipsisType | None = ...,
        existing_deferrable: bool | EllipsisType | None = ...,
        existing_initially: str | EllipsisType | None = ...,
        existing_match: str | EllipsisType | None = ...,
        existing_not_valid: bool | EllipsisType = ...,
        existing_enforced: bool | EllipsisType = ...,
        if_exists: bool = False,
        concurrently: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
        translate: bool = False,
        batch_size: int = BATCH_SIZE,
        batch_pause: float = 0,
    ) -> None:
        """Change a foreign key by one ``ALTER TABLE … DROP CONSTRAINT, ADD CONSTRAINT``.

        The arguments are the whole new definition: what is absent is PostgreSQL's default. An absent
        ``existing_...`` argument means that the key had the same before; the others say what it had, and
        what a downgrade gives back. The comment on the key stays.

        :param ondelete: ``"CASCADE"``, ``"SET NULL"``, ``"SET NULL (a, b)"``, ``"SET DEFAULT"``, ``"RESTRICT"``;
         None is NO ACTION. ``onupdate`` likewise.
        :param initially: ``"DEFERRED"``, which implies ``deferrable``, or ``"IMMEDIATE"``.
        :param match: ``"FULL"``; None is SIMPLE.
        :param not_valid: leave existing rows unchecked (NOT VALID).
        :param enforced: False is NOT ENFORCED (PostgreSQL 18).
        :param existing_constraint_name: the name before. Where the database has no key of this name, the one
         with the same column pairs and referent is taken, and it keeps its name; the log says so.
        :param if_exists: skip the operation, with a log line, where the table is absent.
        :param concurrently: no lock is held while rows are looked at, and what was interrupted goes on where it was:
         another rule is one ALTER TABLE with NOT VALID, then VALIDATE CONSTRAINT; another referent a second key beside
         the first, VALIDATE CONSTRAINT, then drop and rename; from NOT VALID to valid VALIDATE CONSTRAINT alone. It
         stands in an ``autocommit_block``.
        :param lock_timeout: how long to wait for a lock, such as ``"5s"``, the default; None is as long as the session
         says. With ``concurrently`` the default is half a second, tried again and again.
        :param translate: with ``concurrently`` and ``not_valid``, another column of the same parent: the references are
         translated to it in batches, as :func:`op.translate_references` does it at once. Triggers translate meanwhile
         what is still written in terms of the old column. The values of both columns must not overlap.
        :param batch_size: how many references are translated in one transaction.
        :param batch_pause: seconds between two batches, for replicas that lag behind.

        On a database other than PostgreSQL it is a drop and a create; on SQLite only inside
        ``batch_alter_table``.

        Errors: :exc:`.TableNotFound`, :exc:`.ForeignKeyNotFound`, :exc:`.OrphansRemain` where rows have no
        parent, :exc:`.LockNotAcquired`, :exc:`.AutocommitRequired`, :exc:`.ReferencesNotTranslatable`,
        :exc:`.UnsupportedDialect`, :exc:`.ConfigError` for an argument that can't be. The database is as it was
        after each, with ``concurrently`` as the last step left it.

        See https://www.postgresql.org/docs/current/sql-altertable.html
        """
        target = key_from_arguments(
            constraint_name, source_table, referent_table, local_cols, remote_cols, source_schema, referent_schema,
            {
                "ondelete": ondelete, "onupdate": onupdate, "deferrable": deferrable, "initially": initially,
                "match": match, "not_valid": not_valid, "enforced": enforced,
            },
        )  # fmt: skip
        existing = existing_key(
            target,
            {
                "constraint_name": existing_constraint_name, "referent_table": existing_referent_table,
                "referent_schema": existing_referent_schema, "remote_cols": existing_remote_cols,
                "ondelete": existing_ondelete, "onupdate": existing_onupdate, "deferrable": existing_deferrable,
                "initially": existing_initially, "match": existing_match, "not_valid": existing_not_valid,
                "enforced": existing_enforced,
            },
        )  # fmt: skip
        locking, pace = Locking.asked(concurrently, lock_timeout), Pace.asked(batch_size, batch_pause)
        check_flags(translate=translate)
        if translate and not (concurrently and existing.referent == target.referent and not target.validated):
            raise ConfigError(
                "translate",
                "needs concurrently=True, not_valid=True and another column of the same table; without concurrently "
                "op.translate_references does it",
            )
        operations.invoke(
            cls.between(existing, target, if_exists=if_exists, locking=locking, translate=translate, pace=pace)
        )

    @classmethod
    def batch_alter_foreign_key(
        cls,
        operations: BatchOperations,
        constraint_name: str,
        referent_table: str,
        local_cols: list[str],
        remote_cols: list[str],
        *,
        ondelete: str | None = None,
        onupdate: str | None = None,
        deferrable: bool | None = None,
        initially: str | None = None,
        match: str | None = None,
        referent_schema: str | None = None,
        existing_constraint_name: str | EllipsisType = ...,
    ) -> None:
        """Change a foreign key inside ``batch_alter_table``, as SQLite needs it.

        The arguments are those of :func:`op.alter_foreign_key`, without the table.
        """
        target = key_from_arguments(
            constraint_name, operations.impl.table_name, referent_table, local_cols, remote_cols,
            operations.impl.schema, referent_schema,
            {
                "ondelete": ondelete, "onupdate": onupdate, "deferrable": deferrable, "initially": initially,
                "match": match,
            },
        )  # fmt: skip
        existing = existing_key(target, {"constraint_name": existing_constraint_name})
        operations.invoke(cls.between(existing, target))
