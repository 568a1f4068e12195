"""A few rows in each table, which refer to each other, for what is to be done to a database that is not empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, MetaData

from alembic_cascade.audit.relations import table_name
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.proof.catalogue import Table
from alembic_cascade.proof.ground import Ground
from alembic_cascade.proof.refusals import CannotMake
from alembic_cascade.proof.rows import Row
from alembic_cascade.proof.statements import Values
from alembic_cascade.rehearsal.rows import stored_tables
from alembic_cascade.testing.grounds import ground_of_data

# The last one refers to nothing, as far as it may.
ROWS_OF_A_TABLE = 3
# Sequences begin with 1, and so do the rows that revisions themselves write.
FIRST_ID = 30_000
COUNTING = frozenset({"int2", "int4", "int8", "numeric"})


@dataclass(frozen=True)
class Filling:
    """How tables are filled.

    ``strays``: a row of each refers to nothing by columns that are no key yet, and are one in the models. ``whole``:
    all but one have a value in every column. ``left_out`` are tables that stay empty.
    """

    strays: bool = True
    whole: bool = True
    left_out: frozenset[TableName] = frozenset()


@dataclass(frozen=True)
class Filled:
    """How many rows were made, whether there are strays among them, and why a table is empty, in words."""

    rows: int
    has_strays: bool
    empty: tuple[str, ...]


@dataclass(frozen=True)
class _Reference:
    """That columns refer to others; ``is_key`` where the database knows it by now."""

    parent: int
    pairs: tuple[tuple[str, str], ...]
    is_key: bool


def fill(connection: Connection, metadatas: Sequence[MetaData], version_table: TableName, filling: Filling) -> Filled:
    """Make rows in all tables but Alembic's own and those of the quarantine, and commit them.

    Where a column has no value, its loss would not be seen.
    """
    ground = ground_of_data(connection, metadatas, FIRST_ID, filled=False)
    filled = ground_of_data(connection, metadatas, 2 * FIRST_ID, filled=True) if filling.whole else ground
    stored = {table.name for table in stored_tables(connection, version_table)}
    tables = [
        table
        for table in ground.catalogue.tables.values()
        if table.part_of is None and (table.partitioned or TableName(table.schema, table.name) in stored)
    ]
    references = {table.oid: [*_keys(table)] for table in tables}
    for oid, pairs in _declared(ground, metadatas):
        if oid in references and pairs.pairs not in [known.pairs for known in references[oid]]:
            references[oid].append(pairs)
    made: dict[int, list[Row]] = {}
    empty, has_strays = [], False
    for table in _parents_first(tables, references):
        if TableName(table.schema, table.name) in filling.left_out:
            continue
        for number in range(ROWS_OF_A_TABLE):
            is_last = number == ROWS_OF_A_TABLE - 1
            meant = [one for one in references[table.oid] if not is_last or _is_needed(table, one, filling)]
            has_strays |= is_last and filling.strays and any(not one.is_key for one in references[table.oid])
            try:
                grounds = (ground,) if is_last else (filled, ground)
                row = _row(grounds, table.oid, _values(meant, made, number), _id(table, number))
            except CannotMake as refusal:
                if table.oid not in made:
                    empty.append(f"{table.label}: {refusal}")
                break
            made.setdefault(table.oid, []).append(row)
    connection.commit()
    return Filled(sum(map(len, made.values())), has_strays, tuple(empty))


def _is_needed(table: Table, reference: _Reference, filling: Filling) -> bool:
    """Whether the last row has to refer to something, too."""
    if not reference.is_key:
        return not filling.strays
    return all(table.columns[ours].not_null for ours, _ in reference.pairs)


def _row(grounds: Sequence[Ground], table: int, given: Values, own: Values) -> Row:
    """A row with the given values, and such numbers as its own; where it can't be, with less.

    Errors: :exc:`.CannotMake`.
    """
    refused: CannotMake | None = None
    for ground in grounds:
        for values in ({**own, **given}, own):
            try:
                return ground.maker.row(ground.catalogue.tables[table], values)
            except CannotMake as refusal:
                refused = refusal
    assert refused is not None
    raise refused


def _id(table: Table, number: int) -> Values:
    """What a row of that number has where it is counted by a sequence."""
    return {
        name: str(FIRST_ID + number)
        for name in table.primary
        for column in [table.columns[name]]
        if name not in table.key_columns and column.type.plain_name in COUNTING
        if column.identity or column.has_default
    }


def _values(references: Iterable[_Reference], made: Mapping[int, Sequence[Row]], number: int) -> Values:
    """What a row has in the columns by which it refers to rows of the same number."""
    found: dict[str, str | None] = {}
    for reference in references:
        rows = made.get(reference.parent, ())
        if rows:
            parent = rows[min(number, len(rows) - 1)].values
            wanted = {ours: parent.get(theirs) for ours, theirs in reference.pairs}
            if all(found.get(name, value) == value for name, value in wanted.items()):
                found.update(wanted)
    return found


def _keys(table: Table) -> Iterator[_Reference]:
    for key in table.keys:
        if not key.is_clone and not key.temporal:
            yield _Reference(key.parent, key.pairs, is_key=True)


def _declared(ground: Ground, metadatas: Sequence[MetaData]) -> Iterator[tuple[int, _Reference]]:
    """What the models, which are those of the head, want to refer to each other, as far as there are such columns."""
    for declared in (table for metadata in metadatas for table in metadata.tables.values()):
        child = ground.table(table_name(declared))
        for constraint in declared.foreign_key_constraints if child is not None else ():
            parent = ground.table(_referent(constraint.elements[0].target_fullname))
            pairs = tuple(
                (str(element.parent.name), element.target_fullname.rpartition(".")[2])
                for element in constraint.elements
            )
            if parent is None or child is None:
                continue
            if all(ours in child.columns and theirs in parent.columns for ours, theirs in pairs):
                yield child.oid, _Reference(parent.oid, pairs, is_key=False)


def _referent(column: str) -> TableName:
    """The table of ``users.id`` or ``billing.users.id``."""
    schema, _, name = column.rpartition(".")[0].rpartition(".")
    return TableName(schema or None, name)


def _parents_first(tables: Sequence[Table], references: Mapping[int, Sequence[_Reference]]) -> Iterator[Table]:
    """The tables, each after those that it refers to; in a circle, by their names."""
    left = list(tables)
    while left:
        waiting = {table.oid for table in left}
        ready = [
            table
            for table in left
            if not any(one.parent in waiting and one.parent != table.oid for one in references[table.oid])
        ]
        for table in ready or left[:1]:
            left.remove(table)
            yield table
