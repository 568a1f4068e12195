"""What became of rows: looked for by what no key changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from sqlalchemy import Connection

from alembic_cascade.proof.refusals import CannotMake
from alembic_cascade.proof.rows import Row
from alembic_cascade.proof.shapes import distinguishing
from alembic_cascade.proof.statements import Values, counts_by, equals, reads
from alembic_cascade.sql.quoting import quote_identifier, verbatim

# What a row's references are changed to, by column; nothing where they are as they were.
Seen = Values | Literal["gone"]

Counts = Counter[tuple[str | None, ...]]

# So many rows are looked at by one statement.
TOGETHER = 100


class Watches:
    """Rows, and how many there were like each of them before, by the values of their keys."""

    def __init__(self, connection: Connection, rows: Sequence[Row]) -> None:
        self._connection = connection
        self._rows = rows
        self._before = self._alike()

    def seen(self) -> dict[Row, Seen]:
        """What became of each row.

        Errors: :exc:`.CannotMake` where that can't be told.
        """
        after = self._alike()
        return {row: _seen(row, self._before[row], after[row]) for row in self._rows}

    def _alike(self) -> dict[Row, Counts]:
        """How many rows there are that might be a row after a change, by the values of their keys."""
        found: dict[Row, Counts] = {row: Counter() for row in self._rows}
        for first in range(0, len(self._rows), TOGETHER):
            some = self._rows[first : first + TOGETHER]
            statement = counts_by([(row.table, _watched(row), _what_stays(row)) for row in some])
            for one in self._connection.execute(verbatim(statement)):
                found[some[one.place]][tuple(one.held)] = one.number
        return found


def _seen(row: Row, before: Counts, after: Counts) -> Seen:
    lost, come = before - after, after - before
    if not lost and not come:
        return {}
    watched = _watched(row)
    was = Counter([tuple(row.values[name] for name in watched)])
    if lost == was and not come:
        return "gone"
    if lost == was and come.total() == 1:
        (now,) = come
        return {name: value for name, value in zip(watched, now, strict=True) if value != row.values[name]}
    raise CannotMake(f"what became of a row of {row.table.label} can't be told from other rows")


def condition(row: Row) -> str:
    """What the row has and no other one."""
    table = row.table
    known = (unique.columns for unique in table.uniques if unique.is_plain)
    columns = next((names for names in known if all(row.values.get(name) is not None for name in names)), None)
    names = columns or (*_own_columns(row), *_watched(row)) or tuple(table.columns)
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


def _what_stays(row: Row) -> str:
    """What the row has whatever becomes of its references."""
    own = _own_columns(row)
    return " AND ".join(_equals(row, name) for name in own) if own else _one_key_aside(row)


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
