"""The models against a database, or one that a SQL file makes, in words: what autogenerate would see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import MigrateOperation, ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, DefaultClause, MetaData, UniqueConstraint
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import TypeEngine

from alembic_cascade.config import config_of
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.ops import (
    AlterForeignKeyOp,
    BackfillLifecycleColumnOp,
    CreateLifecycleTriggerOp,
    DropLifecycleTriggerOp,
)
from alembic_cascade.ops.ordinary import created_key, dropped_key
from alembic_cascade.sql.quoting import DIALECT
from alembic_cascade.wiring import configure_options

# What a script is written with, and a comparison is not. literal_binds, which the env.py of "alembic init" gives
# offline, is refused by Alembic where there is a connection.
_OF_SCRIPTS = frozenset(
    {"as_sql", "output_buffer", "literal_binds", "fn", "script", "starting_rev", "destination_rev", "tag"}
)

TABLE_KINDS = frozenset({"add_table", "remove_table"})

OTHER_ALONE = "the models lack it"


@dataclass(frozen=True)
class Difference:
    """One difference: Alembic's name for its kind, the table, and what it is in words."""

    kind: str
    table: TableName | None
    subject: str
    problem: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}"


def differences(
    connection: Connection,
    metadatas: Sequence[MetaData],
    options: Mapping[str, Any],
    *,
    other: str = "the file",
    rewritten: bool = False,
) -> tuple[Difference, ...]:
    """Where a database is not what the models say, under the options that env.py gives Alembic.

    Filters, comparators of types and defaults, and other plugins count as they do for autogenerate. With ``rewritten``,
    there are none where env.py's ``process_revision_directives`` leaves nothing to be written. This plugin's
    comparators are there even where env.py does not name it. Of a table that one side lacks, nothing else is said.
    ``other`` is what the database is called.
    """
    context = MigrationContext.configure(connection, opts=_compared_options(dict(options)))
    metadata: Any = metadatas[0] if len(metadatas) == 1 else list(metadatas)
    if rewritten and not _is_written(context, metadata, options.get("process_revision_directives")):
        return ()
    upgrade = produce_migrations(context, metadata).upgrade_ops
    assert upgrade is not None
    found = [difference for operation in upgrade.ops for difference in _said(operation, other)]
    whole = {each.table for each in found if each.kind in TABLE_KINDS}
    kept = [each for each in found if each.kind in TABLE_KINDS or each.table not in whole]
    return tuple(sorted(kept, key=lambda each: (each.table.sort_key if each.table else ("", ""), each.kind, str(each))))


def _compared_options(options: dict[str, Any]) -> dict[str, Any]:
    config = config_of(options)
    plugins = [*configure_options(config)["autogenerate_plugins"], *(options.get("autogenerate_plugins") or ())]
    kept = {name: value for name, value in options.items() if name not in _OF_SCRIPTS}
    return {**kept, "cascade": config, "autogenerate_plugins": list(dict.fromkeys(plugins))}


def _is_written(context: MigrationContext, metadata: Any, rewrite: Callable[..., None] | None) -> bool:
    """Whether anything is left for a revision once env.py has had its say, which may be that something is not meant."""
    directives = [produce_migrations(context, metadata)]
    if rewrite is not None:
        rewrite(context, (), directives)
    return any(not upgrade.is_empty() for directive in directives for upgrade in directive.upgrade_ops_list)


def _said(operation: MigrateOperation, other: str) -> Iterator[Difference]:
    match operation:
        case AlterForeignKeyOp() if operation.change is not None:
            existing, target = operation.change
            subject = f"foreign key {target.label}"
            yield Difference(
                "alter_fk", target.source, subject, f"{other} has it otherwise: {target.changes_from(existing)}"
            )
        case ops.OpContainer():
            for child in operation.ops:
                yield from _said(child, other)
        case ops.AlterColumnOp():
            yield from _said_of_column(operation, other)
        case ops.CreateForeignKeyOp():
            key = created_key(operation)
            yield Difference("add_fk", key.source, f"foreign key {key.label} ({key.ondelete})", f"{other} lacks it")
        case ops.DropConstraintOp() if (dropped := dropped_key(operation)) is not None:
            subject = f"foreign key {dropped.label} ({dropped.ondelete})"
            yield Difference("remove_fk", dropped.source, subject, OTHER_ALONE)
        case CreateLifecycleTriggerOp() | DropLifecycleTriggerOp():
            trigger = operation.trigger
            made = isinstance(operation, CreateLifecycleTriggerOp)
            subject = f"trigger of the lifecycle column {trigger.table}.{trigger.column}"
            kind = "create_lifecycle_trigger" if made else "drop_lifecycle_trigger"
            yield Difference(kind, trigger.table, subject, f"{other} lacks it" if made else OTHER_ALONE)
        case BackfillLifecycleColumnOp():
            # Values of rows, of which a comparison of schemas knows nothing.
            return
        case _:
            yield _said_of_part(operation, other)


def _said_of_part(operation: MigrateOperation, other: str) -> Difference:
    """Of a table, or of a part of one, that one side lacks."""
    said: Any = operation.to_diff_tuple()
    kind, *about = said if isinstance(said, tuple) else said[0]
    name = getattr(operation, "table_name", None)
    table = None if name is None else TableName(getattr(operation, "schema", None), str(name))
    problem = OTHER_ALONE if kind.startswith(("remove_", "drop_")) else f"{other} lacks it"
    match operation:
        case ops.CreateTableOp() | ops.DropTableOp():
            subject = f"table {table}"
        case ops.AddColumnOp():
            subject = f"column {table}.{operation.column.name} ({_in_words(operation.column.type)})"
        case ops.DropColumnOp():
            subject = f"column {table}.{operation.column_name}"
        case ops.CreateIndexOp() | ops.DropIndexOp():
            (index,) = about
            unique = "unique index" if index.unique else "index"
            subject = f"{unique} {index.name} on {table} ({', '.join(map(_in_words, index.expressions))})"
        case ops.CreateUniqueConstraintOp() | ops.DropConstraintOp():
            (constraint,) = about
            columns = ", ".join(column.name for column in getattr(constraint, "columns", ()))
            kind_of = "unique constraint" if isinstance(constraint, UniqueConstraint) else "constraint"
            subject = f"{kind_of} {constraint.name or 'without a name'} on {table} ({columns})"
        case ops.CreateTableCommentOp() | ops.DropTableCommentOp():
            subject = f"comment on table {table}"
            problem = f"{other} has it otherwise"
        case _:
            # Another plugin's.
            subject = f"{kind} {' '.join(map(_in_words, about))}".strip()
            problem = f"{other} has it otherwise"
    return Difference(str(kind), table, subject, problem)


def _said_of_column(operation: ops.AlterColumnOp, other: str) -> Iterator[Difference]:
    for kind, schema, name, column, _, existing, declared in operation.to_diff_tuple():
        table = TableName(schema, name)
        subject = f"column {table}.{column}"
        match kind:
            case "modify_nullable":
                problem = "NULL is allowed by the models alone" if declared else "NOT NULL by the models alone"
            case _:
                what = str(kind).removeprefix("modify_")
                problem = f"{what} {_in_words(declared)} in the models, {_in_words(existing)} in {other}"
        yield Difference(str(kind), table, subject, problem)


def _in_words(value: object) -> str:
    """A type, a default, an index's column or a comment as it would be written."""
    match value:
        case None | False:
            return "none"
        case DefaultClause():
            return _in_words(value.arg)
        case Column():
            return value.name
        case ClauseElement():
            return str(value.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
        case TypeEngine():
            return str(value.compile(dialect=DIALECT))
        case str():
            return repr(value)
        case _:
            return str(value)
