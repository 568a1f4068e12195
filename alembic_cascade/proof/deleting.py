"""A delete whose outcome is compared with what is foreseen, row by row, and then undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import constraint, sqlstate
from alembic_cascade.proof.foresight import Foreseen
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.refusals import FOREIGN_KEY_VIOLATIONS, NO_ANSWERS, CannotMake, SessionRefused, said
from alembic_cascade.proof.rows import Row
from alembic_cascade.proof.statements import Values, count, deletion
from alembic_cascade.proof.watching import Seen, Watches, condition
from alembic_cascade.sql.quoting import verbatim

GONE = "gone"
STAYS = "stays"
REFUSED = "refused"


@dataclass(frozen=True)
class Refusal:
    """What stopped a delete; ``constraint`` is the foreign key that did, None where it was something else.

    ``is_late`` where the delete itself passed, and its commit would not.
    """

    words: str
    constraint: str | None
    is_late: bool = False

    @property
    def when(self) -> str:
        return " at commit" if self.is_late else ""


@dataclass(frozen=True)
class Difference:
    """What was foreseen of a row, and what became of it."""

    row: Row
    expected: str
    seen: str


@dataclass(frozen=True)
class Happened:
    """What a delete did: the refusal, or what became of each row that was watched."""

    refusal: Refusal | None
    seen: dict[Row, Seen]

    def differences(self, foreseen: Foreseen) -> Iterator[Difference]:
        """Rows that fared otherwise than foreseen."""
        for row, seen in self.seen.items():
            fate = foreseen.fate(row)
            expected: Seen = "gone" if fate is None else _changed(row, fate)
            if expected != seen:
                yield Difference(row, words(expected), words(seen))


def _changed(row: Row, fate: Values) -> Values:
    return {name: value for name, value in fate.items() if row.values[name] != value}


def words(seen: Seen) -> str:
    """What became of a row."""
    if isinstance(seen, str):
        return seen
    if not seen:
        return STAYS
    return ", ".join(f"{name} {'NULL' if value is None else f'= {value}'}" for name, value in seen.items())


def becomes(fate: str) -> str:
    """What :func:`words` say, after a subject."""
    return {GONE: "is gone", STAYS: "stays"}.get(fate, f"gets {fate}")


@contextmanager
def deletion_by_sql(connection: Connection, row: Row) -> Iterator[None]:
    """A delete of one row."""
    delete_row(connection, row)
    yield


def delete_row(connection: Connection, row: Row) -> int:
    """Delete a row by SQL, and return how many went themselves."""
    return connection.execute(verbatim(deletion(row.table, condition(row)))).rowcount


def happening(
    ground: Ground, doomed: Row, rows: Sequence[Row], deleting: Callable[[], AbstractContextManager[None]]
) -> Happened:
    """Delete a row by ``deleting``, and see what that does to ``rows``, at the latest when committed; it is undone.

    Errors: :exc:`.CannotMake` where it tells nothing.
    """
    connection = ground.connection
    savepoint = connection.begin_nested()
    try:
        commit = ground.deferred.commit_of(connection, {row.table.oid for row in (doomed, *rows)})
        watches = Watches(connection, [row for row in rows if row is not doomed])
        with deleting():
            try:
                commit.fire()
            except DBAPIError as error:
                return Happened(replace(refusal_of(error), is_late=True), {})
            if is_there(connection, doomed):
                raise CannotMake(f"a trigger or a rule lets the row of {doomed.table.label} stay")
            return Happened(None, watches.seen())
    except SessionRefused as error:
        return Happened(Refusal(str(error), None), {})
    except DBAPIError as error:
        return Happened(refusal_of(error), {})
    finally:
        savepoint.rollback()


def is_there(connection: Connection, row: Row) -> bool:
    return bool(connection.scalar(verbatim(count(row.table, condition(row)))))


def refusal_of(error: DBAPIError) -> Refusal:
    """Why PostgreSQL refused.

    Errors: :exc:`.CannotMake` where it did not come to that, as where a lock was not to be had.
    """
    state = sqlstate(error) or ""
    if state[:2] in NO_ANSWERS:
        raise CannotMake(said(error)) from error
    return Refusal(said(error), constraint(error) if state in FOREIGN_KEY_VIOLATIONS else None)
