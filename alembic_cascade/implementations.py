"""What the operations do when a revision runs, or is written out as a script."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic

from alembic.operations import AbstractOperations, BatchOperations, Operations, ops
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from alembic_cascade.concurrently.keys import alter_key, translate_key
from alembic_cascade.dbapi_errors import detail, hint, message, sqlstate
from alembic_cascade.errors import (
    STEPS_STAY,
    ForeignKeyNotFound,
    ForeignKeyRefused,
    LockNotAcquired,
    OrphansRemain,
    ReferencesNotTranslatable,
    TableNotFound,
    UnsupportedDialect,
)
from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.naming import clipped_name, named
from alembic_cascade.ops import AddForeignKeyOp, AlterForeignKeyOp, DropForeignKeyOp, TranslateReferencesOp
from alembic_cascade.running import (
    asked_connection,
    execute,
    is_about_input,
    is_about_locks,
    located,
    located_table,
    make_functions,
    ready,
    settled,
    waiting,
)
from alembic_cascade.sql.catalogue import foreign_key_names, matching_foreign_key
from alembic_cascade.sql.foreign_key_blocks import add_block, alter_block, drop_block
from alembic_cascade.sql.translation_block import REFUSED, translate_block

log = logging.getLogger("alembic.cascade")

FOREIGN_KEY_VIOLATION = "23503"


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
    existing, target = located(operations, change[0]), located(operations, change[1])
    label = f"{change[0].label}: {change[1].changes_from(change[0])}"
    if operation.locking.concurrently:
        _alter_concurrently(operations, operation, existing, target, label)
        return
    tables = [existing.source, target.referent, *([existing.referent] if operation.if_exists else [])]
    if ready(operations, label, tables, if_exists=operation.if_exists):
        _check_key(operations, existing)
        limit = operation.locking.waiting
        with _running(target, label + settled(operations, target.label)), waiting(operations, limit):
            execute(operations, alter_block(existing, target, if_exists=operation.if_exists))


@Operations.implementation_for(AddForeignKeyOp)
def add_foreign_key(operations: AbstractOperations, operation: AddForeignKeyOp) -> None:
    """One ALTER TABLE on PostgreSQL, elsewhere what Alembic's own operation does."""
    if not _in_own_statement(operations, "op.add_foreign_key"):
        _run_elsewhere(operations, [operation], operation.key, if_exists=operation.if_exists)
        return
    key = located(operations, operation.key)
    label = f"{key.label}: new, {key.ondelete}{'' if key.validated else ', not valid'}"
    if operation.locking.concurrently:
        with _running_concurrently(key, label):
            alter_key(operations, key.label, None, key, if_exists=operation.if_exists, locking=operation.locking)
        return
    if ready(operations, label, (key.source, key.referent), if_exists=operation.if_exists):
        with _running(key, label + settled(operations, key.label)), waiting(operations, operation.locking.waiting):
            execute(operations, add_block(key, if_exists=operation.if_exists))


@Operations.implementation_for(DropForeignKeyOp)
def drop_foreign_key(operations: AbstractOperations, operation: DropForeignKeyOp) -> None:
    """One ALTER TABLE on PostgreSQL, elsewhere what Alembic's own operation does."""
    if_exists = bool(operation.if_exists)
    if not _in_own_statement(operations, "op.drop_foreign_key"):
        _run_elsewhere(operations, [operation], operation.key, if_exists=if_exists)
        return
    key = located(operations, operation.key)
    label = f"{key.label}: dropped"
    if operation.locking.concurrently:
        with _running_concurrently(key, None):
            alter_key(
                operations, key.label, named(key), None,
                doubled=operation.doubled, if_exists=if_exists, locking=operation.locking,
            )  # fmt: skip
        return
    # Without its referent the key can't be there.
    tables = [key.source, key.referent] if if_exists else [key.source]
    if ready(operations, label, tables, if_exists=if_exists):
        _check_key(operations, key)
        with _running(key, label), waiting(operations, operation.locking.waiting):
            execute(operations, drop_block(key, doubled=operation.doubled, if_exists=if_exists))


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
        located_table(operations, operation.source),
        located_table(operations, operation.referent),
        operation.local_cols,
        from_cols=operation.from_cols,
        to_cols=operation.to_cols,
        if_exists=operation.if_exists,
    )
    tables = (located.source, located.referent)
    if not ready(operations, operation.label, tables, if_exists=operation.if_exists):
        return
    started = monotonic()
    block = translate_block(located)
    make_functions(operations, block)
    try:
        with waiting(operations, operation.locking.waiting):
            execute(operations, block)
    except DBAPIError as error:
        if is_about_locks(error):
            raise LockNotAcquired(str(operation.source), operation.label, message(error)) from error
        if sqlstate(error) != REFUSED and not is_about_input(error):
            raise
        instead = hint(error) or "Nothing was changed. Translate the values by an UPDATE of your own in its place."
        raise ReferencesNotTranslatable(str(operation.source), operation.label, message(error), instead) from error
    log.info("%s, %.2f s", operation.label, monotonic() - started)


def _alter_concurrently(
    operations: AbstractOperations, operation: AlterForeignKeyOp, existing: ForeignKey, target: ForeignKey, label: str
) -> None:
    """Step by step, each in a short transaction of its own."""
    locking, if_exists = operation.locking, operation.if_exists
    with _running_concurrently(target, label + settled(operations, target.label)):
        if operation.translate:
            translate_key(
                operations, target.label, existing, target, if_exists=if_exists, locking=locking, pace=operation.pace
            )
        else:
            alter_key(operations, target.label, existing, target, if_exists=if_exists, locking=locking)


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


def _check_key(operations: AbstractOperations, key: ForeignKey) -> None:
    """Log where the key has another name in this deployment.

    Errors: :exc:`.ForeignKeyNotFound`.
    """
    connection = asked_connection(operations)
    if connection is None:
        return
    found = connection.execute(matching_foreign_key(key)).first()
    if found is None:
        present = tuple(connection.scalars(foreign_key_names(key.source)))
        raise ForeignKeyNotFound(str(key.source), key.name or "", key.label, present)
    if found.name != clipped_name(key.name or ""):
        log.info("%s: the key is named %s here, not %s", key.label, found.name, key.name)


@contextmanager
def _running_concurrently(key: ForeignKey, label: str | None) -> Iterator[None]:
    """Log the label with the time that all steps took; say what the server refuses, and what stays.

    Errors: :exc:`.OrphansRemain`, :exc:`.ReferencesNotTranslatable`, :exc:`.ForeignKeyRefused`,
    :exc:`.TableNotFound`, :exc:`.ForeignKeyNotFound`.
    """
    started = monotonic()
    try:
        yield
    except DBAPIError as error:
        match sqlstate(error):
            case "23503":
                raise OrphansRemain(
                    str(key.source),
                    key.label,
                    f"The foreign key {key.name!r} ({key.label}) can't be validated: {key.source} holds rows without a "
                    f"parent{'. ' if detail(error) else ''}{detail(error).removesuffix('.')}",
                    "The key stands NOT VALID and lets no others in. Settle these rows, or let op.clean_orphans do it "
                    "before this operation; then run the migration again, it goes on from here.",
                    constraint=key.name,
                ) from error
            case "CA001":
                raise ReferencesNotTranslatable(str(key.source), key.label, message(error), hint(error)) from error
            case "42P01":  # undefined_table
                raise TableNotFound(message(error).split()[-4], key.label) from error
            case "42704":  # undefined_object
                raise ForeignKeyNotFound(str(key.source), key.name or "", key.label, ()) from error
        if is_about_input(error):
            raise ForeignKeyRefused(
                str(key.source), key.name or "", key.label, message(error), kept=STEPS_STAY
            ) from error
        raise
    if label is not None:
        log.info("%s, %.2f s", label, monotonic() - started)


@contextmanager
def _running(key: ForeignKey, label: str) -> Iterator[None]:
    """Log the label with the time that it took; say what rows without a parent mean.

    Errors: :exc:`.OrphansRemain`, :exc:`.LockNotAcquired`, :exc:`.ForeignKeyRefused`.
    """
    started = monotonic()
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) == FOREIGN_KEY_VIOLATION:
            raise OrphansRemain(
                str(key.source),
                key.label,
                f"The foreign key {key.name!r} ({key.label}) can't be made: {key.source} holds rows without a parent"
                f"{'. ' if detail(error) else ''}{detail(error).removesuffix('.')}",
                "Nothing was changed. Settle these rows, or let op.clean_orphans do it before this operation; behind "
                "a valid key it looks for them with trust_valid_keys=False.",
                constraint=key.name,
            ) from error
        if is_about_locks(error):
            raise LockNotAcquired(str(key.source), key.label, message(error)) from error
        if is_about_input(error):
            raise ForeignKeyRefused(str(key.source), key.name or "", key.label, message(error)) from error
        raise
    log.info("%s, %.2f s", label, monotonic() - started)
