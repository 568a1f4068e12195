"""Rows without a parent, settled before a foreign key is made, and given back after it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from types import EllipsisType
from typing import Any

from alembic.operations import Operations

from alembic_cascade.config import BATCH_SIZE, MAX_ORPHANS, QUARANTINE_SCHEMA, STRATEGIES, check_limit, check_schema
from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.locking import Locking, Pace
from alembic_cascade.ops.arguments import (
    check_columns,
    check_distinct,
    check_flags,
    check_members,
    check_revision,
    check_tables,
)
from alembic_cascade.ops.orphans_of_key import OrphansOfKeyOp
from alembic_cascade.ops.restore_orphans import RestoreOrphansOp


@Operations.register_operation("clean_orphans")
class CleanOrphansOp(OrphansOfKeyOp):
    """Settle the rows of ``source`` that refer to no row of ``referent``.

    ``remark`` is the line that stands above it in a revision.
    """

    def __init__(
        self,
        source: TableName,
        referent: TableName,
        local_cols: Sequence[str],
        remote_cols: Sequence[str],
        *,
        strategy: str,
        columns: Sequence[str] | None = None,
        match: str | None = None,
        to_cols: Sequence[str] | None = None,
        max_orphans: float | None = MAX_ORPHANS,
        trust_valid_keys: bool = True,
        check_only: bool = False,
        remark: str = "",
        **where: Any,
    ) -> None:
        super().__init__(source, referent, local_cols, remote_cols, **where)
        self.strategy = strategy
        self.columns = None if columns is None else tuple(columns)
        self.match = match
        self.to_cols = None if to_cols is None else tuple(to_cols)
        self.max_orphans = max_orphans
        self.trust_valid_keys = trust_valid_keys
        self.check_only = check_only
        self.remark = remark

    def reverse(self) -> RestoreOrphansOp:
        return RestoreOrphansOp(
            self.source,
            self.referent,
            self.local_cols,
            self.remote_cols,
            revision=self.revision,
            quarantine_schema=self.quarantine_schema,
            if_exists=self.if_exists,
            locking=self.locking,
            pace=self.pace,
            reversed_op=self,
        )

    def only_checking(self) -> CleanOrphansOp:
        """What refuses the same, and settles nothing."""
        check = copy(self)
        check.check_only = True
        return check

    def to_diff_tuple(self) -> tuple[str, str, tuple[str, ...], str, tuple[str, ...], str]:
        """``("clean_orphans", source, local_cols, referent, remote_cols, strategy)``."""
        return (
            "clean_orphans",
            str(self.source),
            self.local_cols,
            str(self.referent),
            self.remote_cols,
            self.strategy,
        )

    @classmethod
    def clean_orphans(
        cls,
        operations: Operations,
        source_table: str,
        referent_table: str,
        local_cols: list[str],
        remote_cols: list[str],
        *,
        strategy: str,
        revision: str,
        columns: list[str] | None = None,
        match: str | None = None,
        to_cols: list[str] | None = None,
        max_orphans: float | None = MAX_ORPHANS,
        trust_valid_keys: bool = True,
        quarantine_schema: str | None = QUARANTINE_SCHEMA,
        source_schema: str | None = None,
        referent_schema: str | None = None,
        if_exists: bool = False,
        concurrently: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
        batch_size: int = BATCH_SIZE,
        batch_pause: float = 0,
        check_only: bool = False,
    ) -> None:
        """Settle the rows whose reference has no parent, so that a foreign key can be made.

        All of it happens on the server, for all rows at once; writers to the tables concerned wait until the
        transaction ends. What a removal takes along by the keys of the database, rows and values, is kept, too.
        The user's triggers fire.

        :param strategy: ``"quarantine"``: the rows are set aside and removed. ``"set_null"``,
         ``"set_default"``: the old values are set aside, the columns changed. ``"fail"``: refuse. ``"delete"``:
         remove the rows for good.
        :param revision: under which the rows are set aside; ``revision=revision`` in a revision's file.
        :param columns: the columns to change, of those of the key; None is all of them.
        :param match: ``"FULL"`` where a row with some NULLs is an orphan as well.
        :param to_cols: columns of the parent that the references are going to be translated to; a row whose
         parent has NULL there is an orphan as well.
        :param max_orphans: refuse more: a float is a share of the references, and lets 100 orphans pass; a whole
         number is a count; None lets all pass. An empty parent is refused by both.
        :param trust_valid_keys: don't look for orphans where a valid key with the same pairs stands.
        :param quarantine_schema: where the rows are set aside; None is beside the version table.
        :param if_exists: skip the operation, with a log line, where one of the tables is absent.
        :param concurrently: in batches, each in a short transaction of its own, under locks on their rows alone. The
         key stands NOT VALID by then, so that no other orphans come. What was interrupted goes on where it was.
        :param lock_timeout: as in :func:`op.alter_foreign_key`.
        :param batch_size: how many orphans are settled in one transaction.
        :param batch_pause: seconds between two batches, for replicas that lag behind.
        :param check_only: settle nothing; refuse what a settling would refuse, before anything is changed. It takes no
         locks, and needs ``concurrently``.

        Errors: :exc:`.OrphansRemain` by strategy ``"fail"``, and where rows that stay refer by NO ACTION or
        RESTRICT to rows that would go; :exc:`.TooManyOrphans`; :exc:`.OrphansNotSettled` where a column takes no
        NULL, a row could not be found again, row security hides rows, or a right is missing;
        :exc:`.LockNotAcquired` where another session is in the way; :exc:`.AutocommitRequired`;
        :exc:`.TableNotFound`; :exc:`.UnsupportedDialect` on anything but PostgreSQL; :exc:`.ConfigError`. The
        database is as it was after each.
        """
        check_tables(source_table=source_table, referent_table=referent_table)
        check_columns(local_cols, remote_cols=remote_cols, **({} if to_cols is None else {"to_cols": to_cols}))
        check_distinct("local_cols", local_cols)
        check_flags(trust_valid_keys=trust_valid_keys, if_exists=if_exists, check_only=check_only)
        if strategy not in STRATEGIES:
            raise ConfigError("strategy", f"must be one of {', '.join(map(repr, STRATEGIES))}, not {strategy!r}")
        if columns is not None:
            check_members("columns", columns, local_cols)
        if match not in (None, "FULL", "SIMPLE"):
            raise ConfigError("match", f"must be 'SIMPLE' or 'FULL', not {match!r}")
        check_revision(revision)
        locking = Locking.asked(concurrently, lock_timeout)
        if check_only and not concurrently:
            raise ConfigError(
                "check_only", "needs concurrently=True: otherwise the settling itself changes nothing where it refuses"
            )
        check_limit("max_orphans", max_orphans)
        check_schema("quarantine_schema", quarantine_schema)
        operations.invoke(
            cls(
                TableName(source_schema, source_table),
                TableName(referent_schema, referent_table),
                local_cols,
                remote_cols,
                strategy=strategy,
                revision=revision,
                columns=columns,
                match=match,
                to_cols=to_cols,
                max_orphans=max_orphans,
                trust_valid_keys=trust_valid_keys,
                quarantine_schema=quarantine_schema,
                if_exists=if_exists,
                locking=locking,
                pace=Pace.asked(batch_size, batch_pause),
                check_only=check_only,
            )
        )
