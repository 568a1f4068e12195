"""The operations of Alembic and ours on keys, as a revision's text calls them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.report.steps import (
    Altered,
    ColumnDropped,
    ColumnRenamed,
    Dropped,
    Made,
    Step,
    TableDropped,
    TableRenamed,
    Unread,
)
from alembic_cascade.report.written import CREATE, DROP, Evaluate, altered, arguments, created, keys_in_table

ONLY_A_RUN = "an argument is more than text and names that the revision gives a value: only a run of it would tell"


@dataclass(frozen=True)
class Operations:
    """What ``op`` is; within ``op.batch_alter_table`` with the ``table`` that all is about."""

    table: TableName | None = None

    @property
    def column_places(self) -> tuple[str, ...]:
        """What an operation on a column takes first; a batch's table is not said again."""
        return ("table_name", "column_name") if self.table is None else ("column_name",)

    def table_of(self, given: Mapping[str, Any]) -> TableName:
        """The table that an operation with these arguments is about.

        Errors: :exc:`KeyError`.
        """
        return self.table or TableName(given.get("schema"), given["table_name"])


def is_about_keys(node: ast.Attribute | ast.Call) -> str | None:
    """The operation that the node means or calls, if it is one that does something to keys, whoever it belongs to."""
    match node:
        case ast.Call(func=ast.Attribute(attr="alter_column" as name), keywords=keywords):
            return name if any(keyword.arg in {None, "new_column_name"} for keyword in keywords) else None
        case ast.Call(func=ast.Attribute(attr=name)) | ast.Attribute(attr=name) if (
            name != "alter_column" and name in READERS
        ):
            return name
    return None


def operation_steps(name: str, operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    """What the operation of that name, one of :data:`READERS`, does to keys.

    Errors: :exc:`.Unknown` and :exc:`KeyError` where its arguments don't say.
    """
    return READERS[name](operations, call, evaluate)


def _create(operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    yield Made(created(_given(operations, call, evaluate)))


def _alter(operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    yield Altered(*altered(_given(operations, call, evaluate)))


def _drop(operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    """One of ours names all of the key."""
    key = created(_given(operations, call, evaluate))
    yield Dropped(key.source, key.name, key)


def _drop_constraint(operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    places = DROP if operations.table is None else (DROP[0], DROP[2])
    given = arguments(call, places, evaluate)
    if given.get("type_") in {None, "foreignkey"}:
        yield Dropped(operations.table_of(given), given["constraint_name"])


def _create_table(_operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    table = TableName(_keyword(call, "schema", evaluate), evaluate(call.args[0]))
    yield from _made_in(table, call.args[1:], evaluate)


def _add_column(operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    table = operations.table or TableName(_keyword(call, "schema", evaluate), evaluate(call.args[0]))
    yield from _made_in(table, call.args, evaluate)


def _made_in(table: TableName, items: Sequence[ast.expr], evaluate: Evaluate) -> Iterator[Step]:
    for found in keys_in_table(table, items, evaluate):
        yield Made(found) if isinstance(found, ForeignKey) else Unread(found.lineno, ONLY_A_RUN)


def _drop_table(_operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    given = arguments(call, ("table_name",), evaluate)
    yield TableDropped(TableName(given.get("schema"), given["table_name"]))


def _drop_column(operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    given = arguments(call, operations.column_places, evaluate)
    yield ColumnDropped(operations.table_of(given), given["column_name"])


def _rename_table(_operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    given = arguments(call, ("old_table_name", "new_table_name"), evaluate)
    schema = given.get("schema")
    yield TableRenamed(TableName(schema, given["old_table_name"]), TableName(schema, given["new_table_name"]))


def _alter_column(operations: Operations, call: ast.Call, evaluate: Evaluate) -> Iterator[Step]:
    """Its name alone is what keys say of a column; types and defaults need not be known."""
    places = operations.column_places
    named = [keyword for keyword in call.keywords if keyword.arg in {None, "schema", "new_column_name", *places}]
    given = arguments(ast.Call(call.func, call.args, named), places, evaluate)
    if given.get("new_column_name") is not None:
        yield ColumnRenamed(operations.table_of(given), given["column_name"], given["new_column_name"])


def _given(operations: Operations, call: ast.Call, evaluate: Evaluate) -> dict[str, Any]:
    """The arguments of an operation on a key; within a batch, its table is the batch's."""
    if operations.table is None:
        return arguments(call, CREATE, evaluate)
    given = arguments(call, (CREATE[0], *CREATE[2:]), evaluate)
    return {**given, "source_table": operations.table.name, "source_schema": operations.table.schema}


def _keyword(call: ast.Call, name: str, evaluate: Evaluate) -> Any:
    return next((evaluate(keyword.value) for keyword in call.keywords if keyword.arg == name), None)


READERS: Mapping[str, Callable[[Operations, ast.Call, Evaluate], Iterator[Step]]] = MappingProxyType(
    {
        "create_foreign_key": _create,
        "add_foreign_key": _create,
        "alter_foreign_key": _alter,
        "drop_foreign_key": _drop,
        "drop_constraint": _drop_constraint,
        "create_table": _create_table,
        "add_column": _add_column,
        "drop_column": _drop_column,
        "drop_table": _drop_table,
        "rename_table": _rename_table,
        "alter_column": _alter_column,
    }
)
