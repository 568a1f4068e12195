"""What a revision does to whole tables: which it makes, drops and alters, and in which units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from alembic.operations import MigrateOperation, ops

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.keys_of_parents import is_referable, kind_of_type
from alembic_cascade.scope import Scope

NO_TABLE = TableName(None, "")


@dataclass
class TableUnit:
    """Operations that stay together: a table's CREATE and its indexes, or its indexes and its DROP.

    ``table`` is NO_TABLE for an operation that is about no table, such as another plugin's.
    """

    table: TableName
    operations: list[MigrateOperation] = field(default_factory=list)

    @property
    def create(self) -> ops.CreateTableOp | None:
        return next((op for op in self.operations if isinstance(op, ops.CreateTableOp)), None)

    @property
    def drop(self) -> ops.DropTableOp | None:
        return next((op for op in self.operations if isinstance(op, ops.DropTableOp)), None)

    @property
    def alterations(self) -> Iterator[MigrateOperation]:
        """What happens inside of the table."""
        for operation in self.operations:
            if isinstance(operation, ops.ModifyTableOps):
                yield from operation.ops

    def replace(self, old: MigrateOperation, new: MigrateOperation) -> None:
        self.operations = [new if operation is old else operation for operation in self.operations]


def table_units(operations: Sequence[MigrateOperation], scope: Scope) -> list[TableUnit]:
    """``operations`` in units, in their order."""
    units: list[TableUnit] = []
    for operation in operations:
        table = NO_TABLE
        if isinstance(operation, ops.CreateTableOp | ops.ModifyTableOps | ops.DropTableOp):
            table = scope.canonical(TableName(operation.schema, operation.table_name))
        if table == NO_TABLE or not units or units[-1].table != table:
            units.append(TableUnit(table))
        units[-1].operations.append(operation)
    return units


class Footprint:
    """Which tables, columns and keys of parents a revision brings and takes away."""

    def __init__(self, units: Sequence[TableUnit], scope: Scope) -> None:
        self._scope = scope
        self.created = {unit.table: place for place, unit in enumerate(units) if unit.create is not None}
        self.dropped = {unit.table for unit in units if unit.drop is not None}
        self._unsettled: set[tuple[TableName, str]] = set()
        self._dropped_columns: set[tuple[TableName, str]] = set()
        self._lost_keys: set[tuple[TableName, frozenset[str]]] = set()
        self._new_keys: set[tuple[TableName, frozenset[str]]] = set()
        self._retyped: set[tuple[TableName, str]] = set()
        for unit in units:
            for operation in unit.alterations:
                self._note(unit.table, operation)

    def _note(self, table: TableName, operation: MigrateOperation) -> None:
        match operation:
            case ops.AddColumnOp():
                self._unsettled.add((table, operation.column.name))
            case ops.AlterColumnOp() if operation.modify_type is not None:
                self._unsettled.add((table, operation.column_name))
                if self._changes_kind(operation):
                    self._retyped.add((table, operation.column_name))
            case ops.CreateUniqueConstraintOp():
                self._make_key(table, map(str, operation.columns))
            case ops.CreateIndexOp() if operation.unique:
                self._make_key(table, (column.name for column in operation.to_index().columns))
            case ops.DropColumnOp():
                self._dropped_columns.add((table, operation.column_name))
            case ops.DropConstraintOp() if operation.constraint_type == "unique":
                columns = operation.to_constraint().columns  # type: ignore[attr-defined]
                self._lost_keys.add((table, frozenset(column.name for column in columns)))
            case ops.DropIndexOp():
                index = operation.to_index()
                if is_referable(index):
                    self._lost_keys.add((table, frozenset(column.name for column in index.columns)))
            case _:
                pass

    def _make_key(self, table: TableName, columns: Iterable[str]) -> None:
        names = frozenset(columns)
        self._unsettled.update((table, name) for name in names)
        self._new_keys.add((table, names))

    def loses_uniqueness(self, key: ForeignKey) -> bool:
        """Whether the columns that ``key`` refers to identify no row any more after this revision."""
        columns = (key.parent, frozenset(key.remote_columns))
        return columns in self._lost_keys and columns not in self._new_keys

    def unsettled(self, key: ForeignKey) -> bool:
        """Whether what ``key`` refers to is altered by this revision before it can be referred to."""
        return any((key.parent, column) in self._unsettled for column in key.remote_columns)

    def loses_referent(self, key: ForeignKey) -> bool:
        """Whether this revision drops something that ``key`` may need as long as it exists."""
        child = self._scope.canonical(key.source)
        ends = {(child, column) for column in key.local_columns} | {
            (key.parent, column) for column in key.remote_columns
        }
        return (
            (key.parent, frozenset(key.remote_columns)) in self._lost_keys
            or key.parent in self.dropped
            or self.drops_column(key)
            # While the key stands, neither end can become something that the other is not.
            or not ends.isdisjoint(self._retyped)
        )

    @property
    def loosens_keys(self) -> bool:
        """Whether there can be keys that are to be let go though nothing about them changes."""
        return bool(self._lost_keys or self._retyped)

    def _changes_kind(self, operation: ops.AlterColumnOp) -> bool:
        types = (operation.existing_type, operation.modify_type)
        was, becomes = (kind_of_type(type_.compile(dialect=self._scope.dialect)) if type_ else "" for type_ in types)
        return was != becomes

    def drops_column(self, key: ForeignKey) -> bool:
        """Whether this revision drops a column that ``key`` refers to."""
        return any((key.parent, column) in self._dropped_columns for column in key.remote_columns)
