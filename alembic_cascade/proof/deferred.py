"""What waits for a commit: constraints are checked at once, and the user's triggers are heard after a delete."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.proof.refusals import CannotMake, said
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import quote_identifier, verbatim


@dataclass(frozen=True)
class DeferredTrigger:
    """A constraint trigger of the user's that fires at the commit; ``sees_changes`` where by UPDATE or DELETE."""

    quoted: str
    tables: frozenset[int]
    sees_changes: bool


@dataclass(frozen=True)
class Deferred:
    """Constraints that may wait for the commit (``checks``), by their names, and triggers that do."""

    checks: tuple[str, ...]
    triggers: tuple[DeferredTrigger, ...]

    def check_at_once(self, connection: Connection) -> None:
        """Have all constraints checked by each statement, for the rest of the transaction or savepoint."""
        _set(connection, self.checks, "IMMEDIATE")

    def commit_of(self, connection: Connection, tables: Collection[int]) -> Commit:
        """What a commit would do after changes of rows of these tables, by their OIDs.

        Triggers that wait already, for rows that were made, fire now, as they would have when those were committed.
        One that refuses them is left out, where the changes are none of its own.
        """
        asked = [one.quoted for one in self.triggers if one.sees_changes and not one.tables.isdisjoint(tables)]
        others = [one.quoted for one in self.triggers if one.quoted not in asked]
        if _refusal_before(connection, others) is not None:
            others = [one for one in others if _refusal_before(connection, [one]) is None]
        return Commit(connection, (*asked, *others), _refusal_before(connection, asked))


@dataclass(frozen=True)
class Commit:
    """The triggers that a commit would fire, and what one of them had ``against`` the rows before any change."""

    connection: Connection
    triggers: tuple[str, ...]
    against: DBAPIError | None

    def fire(self) -> None:
        """Fire what a commit would fire.

        Errors: DBAPIError where a trigger refuses, :exc:`.CannotMake` where one did so before.
        """
        try:
            _set(self.connection, self.triggers, "IMMEDIATE")
        except DBAPIError as error:
            if self.against is None:
                raise
            problem = f"a deferred trigger refuses the rows as they are made, before any delete: {said(self.against)}"
            raise CannotMake(problem) from error


def read_deferred(connection: Connection) -> Deferred:
    """What can wait for the commit in the database, by one query."""
    rows = connection.execute(verbatim(read_query("alembic_cascade.proof", "deferred"))).all()
    named = [(row, f"{quote_identifier(row.schema)}.{quote_identifier(row.name)}") for row in rows]
    return Deferred(
        tuple(quoted for row, quoted in named if not row.is_trigger),
        tuple(
            DeferredTrigger(quoted, frozenset(row.tables), row.sees_changes) for row, quoted in named if row.is_trigger
        ),
    )


def _refusal_before(connection: Connection, triggers: Collection[str]) -> DBAPIError | None:
    """Fire what waits already, and wait again; what one says that refuses, after which all of them wait still."""
    if triggers:
        try:
            with connection.begin_nested():
                _set(connection, triggers, "IMMEDIATE")
                _set(connection, triggers, "DEFERRED")
        except DBAPIError as error:
            return error
    return None


def _set(connection: Connection, constraints: Iterable[str], when: str) -> None:
    names = ", ".join(constraints)
    if names:
        connection.execute(verbatim(f"SET CONSTRAINTS {names} {when}"))
