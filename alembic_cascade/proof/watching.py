"""What became of a row: looked for by what no key changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from alembic_cascade.proof.making import Row
from alembic_cascade.proof.refusals import CannotMake
from alembic_cascade.proof.shapes import distinguishing
from alembic_cascade.proof.statements import Values, counts_by, equals, reads
from alembic_cascade.sql.quoting import quote_identifier, verbatim

Seen = Values | Literal["gone"]


@dataclass
class Watch:
    """A row, and how many there were like it before, by the values of their keys."""

    connection: Connection
    row: Row
    before: Counter[tuple[str | None, ...]]

    @classmethod
    def on(cls, connection: Connection, row: Row) -> Watch:
        return cls(connection, row, _alike(connection, row))

    def seen(self) -> Seen:
        """What the row's references are changed to, by column; ``"gone"``."""
        after = _alike(self.connection, self.row)
        lost, come = self.before - after, after - self.before
        if not lost and not come:
            return {}
        watched = _watched(self.row)
        was = tuple(self.row.values[name] for name in watched)
        if lost == Counter([was]) and not come:
            return "gone"
        if lost == Counter([was]) and come.total() == 1:
            (now,) = come
            return {name: value for name, before, value in zip(watched, was, now, strict=True) if value != before}
        raise CannotMake(f"what became of a row of {self.row.table.label} can't be told from other rows")


def condition(row: Row) -> str:
    """What the row has and no other one."""
    table = row.table
    known = (unique.columns for unique in table.uniques if unique.is_plain)
    columns = next((names for names in known if all(row.values.get(name) is not None for name in names)), None)
    own = _own_columns(row)
    names = columns or (*own, *_watched(row)) or tuple(table.columns)
    return " AND ".join(_equals(row, name) for name in names)


def _watched(row: Row) -> tuple[str, ...]:
    return tuple(name for name in row.table.columns if name in row.table.key_columns)


def _own_columns(row: Row) -> tuple[str, ...]:
    """Columns of no key by which the row is known."""
    table = row.table
    for unique in table.uniques:
        known = all(row.values.get(name) is not None for name in unique.columns)
        if unique.is_plain and known and not set(unique.columns) & table.key_columns:
            return unique.columns
    name = distinguishing(table)
    return () if name is None or row.values.get(name) is None else (name,)


def _alike(connection: Connection, row: Row) -> Counter[tuple[str | None, ...]]:
    """How many rows there are that might be the row after a change, by the values of their keys."""
    own = _own_columns(row)
    where = " AND ".join(_equals(row, name) for name in own) if own else _one_key_aside(row)
    found = connection.execute(verbatim(counts_by(row.table, _watched(row), where)))
    return Counter({tuple(one.held): one.number for one in found})


def _one_key_aside(row: Row) -> str:
    """That all references are the row's, but for those of one key, which may be NULL or what its columns default to."""
    table = row.table
    either = []
    for key in table.keys:
        others = [name for name in _watched(row) if name not in key.columns]
        changed = [
            f"({' OR '.join([_equals(row, name), f'{quote_identifier(name)} IS NULL', *_default(row, name)])})"
            for name in key.columns
        ]
        either.append(f"({' AND '.join([*(_equals(row, name) for name in others), *changed])})")
    return " OR ".join(either) or condition(row)


def _default(row: Row, name: str) -> Iterator[str]:
    expression = row.table.columns[name].expression
    # What a function would give is another value each time.
    if expression is not None and "(" not in expression:
        yield f"{quote_identifier(name)} = {expression}"


def _equals(row: Row, name: str) -> str:
    value, table = row.values[name], row.table
    if value is None or name in table.key_columns or name in table.unique_columns:
        return equals(name, value)
    return reads(name, value)
