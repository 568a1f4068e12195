"""Listening to the connection on which revisions run: which line does what, for how long, under which locks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Event
from typing import Any, NamedTuple, NoReturn, Self

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import message
from alembic_cascade.errors import RehearsalRefused
from alembic_cascade.rehearsal.clock import Clock
from alembic_cascade.rehearsal.lines import Line, Revision
from alembic_cascade.rehearsal.locks import HeldLocks, seen_locks
from alembic_cascade.rehearsal.outcome import MODES, READING, Lock, Operation
from alembic_cascade.rehearsal.statements import ends_transaction, reaches_beyond
from alembic_cascade.rehearsal.tally import Tallies, Tally
from alembic_cascade.rehearsal.witness import Witness
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import verbatim

# In one transaction, it began once.
BEGUN = "SELECT CAST(pg_catalog.transaction_timestamp() AS text)"

OF_ALEMBIC = Line(0, "")

# What no other transaction has.
TRANSACTION = "SELECT CAST(pg_catalog.pg_current_xact_id() AS text)"


class _State(NamedTuple):
    """A table as the session sees it, with the rows that it touched so far; of the quarantine, whose it keeps."""

    label: str
    stored: bool
    file: int
    kept_of: str | None
    in_transaction: tuple[int, int, int]
    in_all: tuple[int, int, int]
    mode: int | None


class Watch:
    """Listens as long as the ``with`` block; without a ``witness``, nothing may be committed.

    It asks the session itself between one line and the next: what a transaction did, and which locks it holds, is seen
    by nobody else. Of a statement outside of a transaction the witness looks at the locks while it runs.
    """

    def __init__(self, connection: Connection, witness: Witness | None) -> None:
        self._connection = connection
        self._witness = witness
        self._tallies = Tallies()
        self.clock = Clock()
        self._locks = HeldLocks(self.clock)
        self._shown: set[str] = set()
        self._already: dict[str, int] = {}
        self._revision: tuple[str, Revision] | None = None
        self._current: tuple[Tally, float] | None = None
        self._before: dict[int, _State] | None = None
        self._asking = False
        self._commits_each = False
        self._transaction: str | None = None
        # A statement that has begun, and not come to its end: it failed, unless it is running.
        self._begun: float | None = None
        self._looking: tuple[Event, Future[dict[str, Lock]]] | None = None
        self.refusal: RehearsalRefused | None = None

    def __enter__(self) -> Self:
        for name, listener in self._listeners:
            event.listen(self._connection, name, listener)
        return self

    def __exit__(self, *_error: object) -> None:
        for name, listener in self._listeners:
            event.remove(self._connection, name, listener)
        self.release()

    @property
    def _listeners(self) -> tuple[tuple[str, Any], ...]:
        return (
            ("before_cursor_execute", self._on_statement),
            ("after_cursor_execute", self._after_statement),
            ("commit", self._on_commit),
            ("rollback", self._on_rollback),
        )

    def begin(self, version_table: str) -> None:
        """Count from here on.

        Locks on Alembic's own table are left out, and those that are held already; nobody waits for what is new.
        """
        self._tallies = Tallies()
        # An engine may have been told so, which no option of its connections says.
        self._commits_each = len({self._ask(BEGUN)[0][0] for _ in range(2)}) > 1
        present = self._state().values()
        self._transaction = None if self._witness is not None else self._ask(TRANSACTION)[0][0]
        self._shown = {state.label for state in present if state.kept_of is None} - {version_table}
        self._already = {state.label: state.mode for state in present if state.mode is not None}

    @contextmanager
    def revision(self, number: str, path: str) -> Iterator[None]:
        """What runs meanwhile is that revision's."""
        self._revision = (number, Revision(path))
        try:
            yield
            self._close()
        finally:
            if self._looking is not None:
                self._looking[0].set()
            self._revision = self._current = self._begun = self._looking = None

    def release(self) -> None:
        """The transaction is over, or what follows in it is no revision's."""
        self._locks.end()

    def operations(self) -> tuple[Operation, ...]:
        """What was seen so far."""
        return tuple(self._tallies.operations())

    @property
    def _in_transaction(self) -> bool:
        options = self._connection.get_execution_options()
        return not self._commits_each and options.get("isolation_level") != "AUTOCOMMIT"

    def _on_statement(self, _connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        if self._asking or self._revision is None:
            return
        if self._witness is None:
            if ends_transaction(statement):
                self.refuse()
            # Of a failed transaction nothing can be asked; that it failed, says that it is not over.
            if self._begun is None and self._ask(TRANSACTION)[0][0] != self._transaction:
                self.refuse()
        elif reaches_beyond(statement):
            self.refusal = RehearsalRefused(
                f"{self._revision[0]} changes what is not in the database alone, as roles and settings of databases "
                "are, and a copy does not hold that back. It was not run",
                "Rehearse in a transaction, by --rollback.",
            )
            raise self.refusal
        with self.clock.stopped():
            self._turn_to(*self._revision)
        self._begun = self.clock.now()

    def _turn_to(self, number: str, revision: Revision) -> None:
        """A statement is about to run, of the same line as the last one or of another."""
        tally = self._tallies.of(number, revision.running_line() or OF_ALEMBIC)
        if self._current is None or self._current[0] is not tally:
            self._close()
            tally.runs += 1
            self._current = tally, self.clock.now()
        if not self._in_transaction and self._witness is not None:
            pid = int(self._ask("SELECT pg_catalog.pg_backend_pid()")[0][0])
            over = Event()
            looking = self._witness.begin(lambda connection: seen_locks(connection, pid, over))
            self._looking = over, looking

    def _after_statement(self, *_arguments: Any) -> None:
        if self._asking or self._begun is None or self._current is None:
            return
        tally, _ = self._current
        tally.seconds += self.clock.now() - self._begun
        self._begun = None
        self._end_look(tally)

    def _end_look(self, tally: Tally) -> None:
        if self._looking is not None:
            over, looking = self._looking
            self._looking = None
            over.set()
            for table, lock in looking.result().items():
                if table in self._shown:
                    tally.tables[table].note_lock(lock.mode, lock.seconds)

    def _on_commit(self, connection: Connection) -> None:
        if self._witness is None:
            # SQLAlchemy takes the transaction for ended, however this one ends.
            connection.connection.rollback()
            self.refuse()
        if self._revision is not None:
            self._close()
        self._forget()

    def refuse(self) -> NoReturn:
        """Say that a revision ended the transaction.

        Errors: :exc:`.RehearsalRefused`.
        """
        self.refusal = RehearsalRefused(
            "A revision commits, or env.py does it after each one (transaction_per_migration), or one rolls back of "
            "itself: what comes after it can't be rolled back. The transaction of the rehearsal was not committed",
            "Rehearse on a copy, without --rollback.",
        )
        raise self.refusal

    def _on_rollback(self, _connection: Connection) -> None:
        self._forget()

    def _forget(self) -> None:
        """What was touched is counted anew in the next transaction."""
        self._before = self._current = None
        self._locks.end()

    def _close(self) -> None:
        """Look at what the line that ran last has done."""
        if self._begun is not None:
            # It failed, and the transaction takes nothing until it is rolled back to a savepoint.
            if self._current is not None:
                self._current[0].seconds += self.clock.now() - self._begun
                self._end_look(self._current[0])
            self._begun = None
            return
        before, self._before = self._before, self._state()
        if self._current is None:
            return
        tally, since = self._current
        if before is not None:
            self._compare(tally, before)
        if self._in_transaction:
            self._locks.see(self._modes(self._before), tally, since)

    def _modes(self, states: dict[int, _State]) -> dict[str, int]:
        """The locks that the revisions have taken, those that reading takes left out."""
        modes = {state.label: state.mode or READING for state in states.values() if state.label in self._shown}
        return {label: mode for label, mode in modes.items() if mode > self._already.get(label, READING)}

    def _compare(self, tally: Tally, before: dict[int, _State]) -> None:
        assert self._before is not None
        for oid, state in self._before.items():
            old = before.get(oid)
            now, then = (
                (state.in_transaction, old and old.in_transaction)
                if self._in_transaction
                else (state.in_all, old and old.in_all)
            )
            inserted, updated, deleted = (new - was for new, was in zip(now, then or (0, 0, 0), strict=True))
            rewritten = old is not None and state.stored and old.file != state.file
            if not (inserted or updated or deleted or rewritten):
                continue
            if state.kept_of is not None:
                tally.tables[state.kept_of].quarantined += inserted
                continue
            table = tally.tables[state.label]
            table.inserted += inserted
            table.updated += updated
            table.deleted += deleted
            table.rewritten |= rewritten

    def _state(self) -> dict[int, _State]:
        if not self._in_transaction:
            # What a session did is told to others when it comes to it, or is asked:
            # https://www.postgresql.org/docs/current/monitoring-stats.html
            self._ask("SELECT pg_catalog.pg_stat_force_next_flush()")
        return {
            row.oid: _State(
                row.label,
                row.stored,
                row.relfilenode,
                row.source,
                (row.inserted, row.updated, row.deleted),
                (row.all_inserted, row.all_updated, row.all_deleted),
                max((MODES.index(mode) for mode in row.modes if mode in MODES), default=None),
            )
            for row in self._ask(read_query("alembic_cascade.rehearsal", "state"))
        }

    def _ask(self, query: str) -> list[Any]:
        self._asking = True
        try:
            with self.clock.stopped():
                return list(self._connection.execute(verbatim(query)).all())
        except DBAPIError as error:
            # No fault of the revision's.
            said = f"What the session did could not be looked at: {message(error)}"
            raise RehearsalRefused(said, "Report it, with the revision.") from error
        finally:
            self._asking = False
