"""The first line of a revision that runs while other sessions go on."""

from __future__ import annotations

from alembic.operations import MigrateOperation, Operations, ops


@Operations.register_operation("begin_concurrently")
class BeginConcurrentlyOp(MigrateOperation):
    """Wait for one's turn, and make sure that an ``autocommit_block`` can follow."""

    def __init__(self, to_revision: object = ...) -> None:
        self.to_revision = to_revision

    def reverse(self) -> BeginConcurrentlyOp:
        return self

    def to_diff_tuple(self) -> tuple[str]:
        """``("begin_concurrently",)``."""
        return ("begin_concurrently",)

    @classmethod
    def begin_concurrently(cls, operations: Operations, to_revision: object = ...) -> None:
        """Let no two concurrent revisions of a schema run at once, and refuse somebody else's transaction.

        It stands before ``with op.get_context().autocommit_block():``, which would end with an AssertionError where
        the connection is in a transaction that Alembic did not begin, as in a test that rolls back. Such a test says
        ``config.attributes["cascade_plainly"] = True``: the operations that follow then run inside of its transaction,
        with the same result, and with locks that last until its end.

        Another migration of the same schema is waited for, up to five minutes. Where it did this very revision
        meanwhile, there is nothing left to do, and the run goes on with the next.

        :param to_revision: the revision that the database is at afterwards: ``revision`` in ``upgrade()``,
         ``down_revision`` in ``downgrade()``.

        Errors: :exc:`.AutocommitRequired`; :exc:`.LockNotAcquired` where the other one does not end;
        :exc:`.MigratedMeanwhile` where it has brought the database to another revision.
        """
        operations.invoke(cls(to_revision))


class AutocommitOps(ops.OpContainer):
    """Operations inside of one ``autocommit_block``."""
