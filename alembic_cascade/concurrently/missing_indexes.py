"""Keys whose columns no index begins with, in the database or in the revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from alembic.operations import MigrateOperation, ops
from sqlalchemy import Column, ForeignKeyConstraint, Index, Integer, MetaData, Table, inspect

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.naming import BUILDING
from alembic_cascade.sql.catalogue import unfinished_indexes
from alembic_cascade.sql.quoting import rendered_name

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def is_indexed(key: ForeignKey, context: MigrationContext, ordinary: Sequence[MigrateOperation]) -> bool:
    """Whether an index serves the key's columns, in whichever order, when the concurrent revision runs."""
    wanted = set(key.local_columns)
    return any(set(columns[: len(wanted)]) == wanted for columns in _indexed(key.source, context, ordinary))


def _indexed(
    table: TableName, context: MigrationContext, ordinary: Sequence[MigrateOperation]
) -> Iterator[Sequence[str | None]]:
    yield from _in_revision(table, ordinary)
    if context.connection is None:
        return
    inspector = inspect(context.connection)
    unfinished = set(context.connection.scalars(unfinished_indexes(table)))
    yield inspector.get_pk_constraint(table.name, table.schema)["constrained_columns"]
    for index in inspector.get_indexes(table.name, table.schema):
        if index["name"] not in unfinished and not str(index["name"]).startswith(BUILDING) and _serves(index):
            yield index["column_names"]


def _in_revision(table: TableName, ordinary: Iterable[MigrateOperation]) -> Iterator[Sequence[str | None]]:
    for operation in ordinary:
        match operation:
            case ops.ModifyTableOps():
                yield from _in_revision(table, operation.ops)
            case ops.CreateIndexOp() | ops.CreateUniqueConstraintOp():
                if TableName(operation.schema, operation.table_name) == table:
                    # A column, or its name; an expression has none.
                    yield [
                        column if isinstance(column, str) else getattr(column, "name", None)
                        for column in operation.columns
                    ]


def _serves(index: Any) -> bool:
    """Whether a key's rows are found by it: a key never looks for NULLs, which it may leave out."""
    options = index.get("dialect_options", {})
    where = options.get("postgresql_where")
    if where is not None and where not in {f"({column} IS NOT NULL)" for column in index["column_names"]}:
        return False
    using = options.get("postgresql_using", "btree")
    return using == "btree" or (using == "hash" and len(index["column_names"]) == 1)


def index_name(key: ForeignKey, declared: ForeignKeyConstraint | None) -> str:
    """The name that ``index=True`` would give in the model, by its naming convention."""
    metadata = MetaData()
    if declared is not None and declared.table is not None:
        metadata = MetaData(naming_convention=declared.table.metadata.naming_convention)
    columns = [Column(name, Integer) for name in key.local_columns]
    Table(key.source.name, metadata, *columns, schema=key.source.schema)
    name = Index(None, *columns).name
    # A convention may have none for indexes.
    return rendered_name(str(name)) if isinstance(name, str) else "_".join(["ix", key.source.name, *key.local_columns])
