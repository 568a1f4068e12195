"""Where sequences are, which no transaction takes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import quote_literal, verbatim


@dataclass(frozen=True)
class Sequence:
    """A sequence at one moment; ``step`` is what it goes on by."""

    oid: int
    label: str
    last: int
    is_called: bool
    step: int

    def is_behind(self, other: Sequence) -> bool:
        """Whether it would give values that the other has given already."""
        sign = -1 if other.step < 0 else 1
        return (sign * self.last, self.is_called) < (sign * other.last, other.is_called)


@dataclass(frozen=True)
class SetBack:
    """A sequence that was set to where it had been, and is put back."""

    label: str
    was: int
    found: int


def sequences_of(connection: Connection) -> dict[int, Sequence]:
    """The sequences that may be read."""
    query = connection.scalar(verbatim(read_query("alembic_cascade.rehearsal", "sequences")))
    rows = () if query is None else connection.execute(verbatim(query))
    return {row.oid: Sequence(*row) for row in rows}


def put_back(connection: Connection, before: Iterable[Sequence]) -> tuple[SetBack, ...]:
    """Set those that are behind to where they were, and leave those that went on, by whomever.

    Nothing is set to a value that was not given before, nor to one behind where the sequence is.
    """
    now = sequences_of(connection)
    found = []
    for one in before:
        present = now.get(one.oid)
        if present is not None and present.is_behind(one):
            name = quote_literal(one.label)
            called = "true" if one.is_called else "false"
            connection.execute(verbatim(f"SELECT pg_catalog.setval({name}, {one.last}, {called})"))
            found.append(SetBack(one.label, one.last, present.last))
    return tuple(found)
