"""What the operations do when a revision runs, or is written out as a script."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

from alembic.operations import AbstractOperations, BatchOperations, Operations, ops
from sqlalchemy import Connection, inspect, select
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import detail, hint, message, sqlstate
from alembic_cascade.errors import (
    ForeignKeyNotFound,
    ForeignKeyRefused,
    OrphansRemain,
    ReferencesNotTranslatable,
    TableNotFound,
    UnsupportedDialect,
)
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.naming import clipped_name
from alembic_cascade.ops import AddForeignKeyOp, AlterForeignKeyOp, DropForeignKeyOp, TranslateReferencesOp
from alembic_cascade.sql.catalogue import foreign_key_names, matching_foreign_key, regclass
from alembic_cascade.sql.foreign_key_blocks import add_block, alter_block, drop_block
from alembic_cascade.sql.quoting import verbatim
from alembic_cascade.sql.translation_block import REFUSED, translate_block

log = logging.getLogger("alembic.cascade")

FOREIGN_KEY_VIOLATION = "23503"

# Data exceptions, violated constraints, and what is unknown, doubled or forbidden:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
ABOUT_INPUT = ("22", "23", "42")


@Operations.implementation_for(AlterForeignKeyOp)
def alter_foreign_key(operations: AbstractOperations, operation: AlterForeignKeyOp) -> None:
    """One ALTER TABLE on PostgreSQL, elsewhere a drop and a create."""
    change = operation.change
    if change is None:
        for child in operation.ops:
            operations.invoke(child)
        return
    if not _in_own_statement(operations, "op.alter_foreign_key"):
        _run_elsewhere(operations, operation.ops, change[1], if_exists=operation.if_exists)
        return
    existing, target = _located(operations, change[0]), _located(operations, change[1])
    label = f"{change[0].label}: {change[1].changes_from(change[0])}"
    tables = [existing.source, target.referent, *([existing.referent] if operation.if_exists else [])]
    if _ready(operations, label, tables, if_exists=operation.if_exists):
        _check_key(operations, existing)
        with _running(target, label):
            _execute(operations, alter_block(existing, target, if_exists=operation.if_exists))


@Operations.implementation_for(AddForeignKeyOp)
def add_foreign_key(operations: AbstractOperations, operation: AddForeignKeyOp) -> None:
    """One ALTER TABLE on PostgreSQL, elsewhere what Alembic's own operation does."""
    if not _in_own_statement(operations, "op.add_foreign_key"):
        _run_elsewhere(operations, [operation], operation.key, if_exists=operation.if_exists)
        return
    key = _located(operations, operation.key)
    label = f"{key.label}: new, {key.ondelete}"
    if _ready(operations, label, (key.source, key.referent), if_exists=operation.if_exists):
        with _running(key, label):
            _execute(operations, add_block(key, if_exists=operation.if_exists))


@Operations.implementation_for(DropForeignKeyOp)
def drop_foreign_key(operations: AbstractOperations, operation: DropForeignKeyOp) -> None:
    """One ALTER TABLE on PostgreSQL, elsewhere what Alembic's own operation does."""
    if_exists = bool(operation.if_exists)
    if not _in_own_statement(operations, "op.drop_foreign_key"):
        _run_elsewhere(operations, [operation], operation.key, if_exists=if_exists)
        return
    key = _located(operations, operation.key)
    label = f"{key.label}: dropped"
    # Without its referent the key can't be there.
    tables = [key.source, key.referent] if if_exists else [key.source]
    if _ready(operations, label, tables, if_exists=if_exists):
        _check_key(operations, key)
        with _running(key, label):
            _execute(operations, drop_block(key, if_exists=if_exists))


@Operations.implementation_for(TranslateReferencesOp)
def translate_references(operations: AbstractOperations, operation: TranslateReferencesOp) -> None:
    """One UPDATE on PostgreSQL, after all checks."""
    dialect = operations.migration_context.dialect.name
    if dialect != "postgresql":
        raise UnsupportedDialect(
            dialect,
            "op.translate_references",
            "Translate the values by an UPDATE of your own in its place.",
        )
    located = TranslateReferencesOp(
        _located_table(operations, operation.source),
        _located_table(operations, operation.referent),
        operation.local_cols,
        from_cols=operation.from_cols,
        to_cols=operation.to_cols,
        if_exists=operation.if_exists,
    )
    tables = (located.source, located.referent)
    if not _ready(operations, operation.label, tables, if_exists=operation.if_exists):
        return
    started = monotonic()
    try:
        _execute(operations, translate_block(located))
    except DBAPIError as error:
        if sqlstate(error) != REFUSED and not _is_about_input(error):
            raise
        instead = hint(error) or "Nothing was changed. Translate the values by an UPDATE of your own in its place."
        raise ReferencesNotTranslatable(str(operation.source), operation.label, message(error), instead) from error
    log.info("%s, %.2f s", operation.label, monotonic() - started)


def _in_own_statement(operations: AbstractOperations, operation: str) -> bool:
    """Whether PostgreSQL's own form runs; False for other databases, and for a batch that collects operations.

    Errors: :exc:`.UnsupportedDialect` for SQLite outside of a batch.
    """
    dialect = operations.migration_context.dialect
    in_batch = isinstance(operations, BatchOperations)
    if not in_batch and not dialect.supports_alter:
        raise UnsupportedDialect(
            dialect.name,
            f"{operation} outside of a batch",
            "Give render_as_batch=True to context.configure and write the revision again, or use "
            "batch_op.alter_foreign_key inside op.batch_alter_table.",
        )
    return not in_batch and dialect.name == "postgresql"


def _run_elsewhere(
    operations: AbstractOperations, parts: Iterable[ops.MigrateOperation], key: ForeignKey, *, if_exists: bool
) -> None:
    """Alembic's own operations for ``parts``, on a database that has no more to say than they do."""
    context = operations.migration_context
    if not key.enforced:
        raise UnsupportedDialect(context.dialect.name, f"NOT ENFORCED for {key.label}", "Take it out of the revision.")
    if if_exists and context.connection is not None and not context.as_sql:
        inspector = inspect(context.connection)
        for table in (key.source, key.referent):
            if not inspector.has_table(table.name, table.schema):
                log.info("%s: skipped, the table %s does not exist", key.label, table)
                return
    for part in parts:
        operations.invoke(part.ordinary() if isinstance(part, AddForeignKeyOp | DropForeignKeyOp) else part)


def _connection(operations: AbstractOperations) -> Connection | None:
    """The connection to ask, None where a script is written."""
    context = operations.migration_context
    return None if context.as_sql else context.connection


def _located(operations: AbstractOperations, key: ForeignKey) -> ForeignKey:
    """``key`` with its tables in the schemas really meant."""
    return replace(
        key,
        source=_located_table(operations, key.source),
        referent=_located_table(operations, key.referent),
    )


def _located_table(operations: AbstractOperations, table: TableName) -> TableName:
    """``table`` with the connection's schema_translate_map applied, as Alembic's own operations have it."""
    connection = _connection(operations)
    translated = connection.get_execution_options().get("schema_translate_map") if connection is not None else None
    return TableName((translated or {}).get(table.schema, table.schema), table.name)


def _ready(operations: AbstractOperations, label: str, tables: Iterable[TableName], *, if_exists: bool) -> bool:
    """Whether the tables are there; a script asks this when it runs.

    Errors: :exc:`.TableNotFound`, unless ``if_exists``.
    """
    connection = _connection(operations)
    if connection is None:
        return True
    for table in tables:
        if connection.scalar(select(regclass(table))) is None:
            if not if_exists:
                raise TableNotFound(str(table), label)
            log.info("%s: skipped, the table %s does not exist", label, table)
            return False
    return True


def _check_key(operations: AbstractOperations, key: ForeignKey) -> None:
    """Log where the key has another name in this deployment.

    Errors: :exc:`.ForeignKeyNotFound`.
    """
    connection = _connection(operations)
    if connection is None:
        return
    found = connection.execute(matching_foreign_key(key)).first()
    if found is None:
        present = tuple(connection.scalars(foreign_key_names(key.source)))
        raise ForeignKeyNotFound(str(key.source), key.name or "", key.label, present)
    if found.name != clipped_name(key.name or ""):
        log.info("%s: the key is named %s here, not %s", key.label, found.name, key.name)


@contextmanager
def _running(key: ForeignKey, label: str) -> Iterator[None]:
    """Log the label with the time that it took; say what rows without a parent mean.

    Errors: :exc:`.OrphansRemain`.
    """
    started = monotonic()
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) == FOREIGN_KEY_VIOLATION:
            raise OrphansRemain(str(key.source), key.name or "", key.label, detail(error)) from error
        if _is_about_input(error):
            raise ForeignKeyRefused(str(key.source), key.name or "", key.label, message(error)) from error
        raise
    log.info("%s, %.2f s", label, monotonic() - started)


def _is_about_input(error: DBAPIError) -> bool:
    """Whether the server refuses what the operation says, rather than being out of order itself."""
    return (sqlstate(error) or "").startswith(ABOUT_INPUT)


def _execute(operations: AbstractOperations, statement: str) -> None:
    """Run the statement, or write it into the script exactly as it is."""
    context = operations.migration_context
    if context.as_sql:
        context.impl.static_output(f"{statement}{context.impl.command_terminator}")
    else:
        context.impl.execute(verbatim(statement))
