"""The triggers that keep lifecycle columns, made and dropped."""

from __future__ import annotations

from collections.abc import Sequence
from types import EllipsisType

from alembic.operations import MigrateOperation, Operations

from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.lifecycle.policy import SECURITY
from alembic_cascade.lifecycle.triggers import LifecycleTrigger, Source
from alembic_cascade.locking import ORDINARY, Locking
from alembic_cascade.ops.arguments import check_columns, check_flags, check_tables

TABLE_AND_COLUMN = 2


class _LifecycleTriggerOp(MigrateOperation):
    """Which trigger. ``definition`` are the statements that make it, where they are not what the value says."""

    def __init__(
        self,
        trigger: LifecycleTrigger,
        *,
        definition: Sequence[str] = (),
        if_exists: bool = False,
        locking: Locking = ORDINARY,
    ) -> None:
        self.trigger = trigger
        self.definition = tuple(definition)
        self.if_exists = if_exists
        self.locking = locking

    @property
    def label(self) -> str:
        """The column in words: ``posts.updated_at``."""
        return self.trigger.label


@Operations.register_operation("create_lifecycle_trigger")
class CreateLifecycleTriggerOp(_LifecycleTriggerOp):
    """Make the trigger and its function."""

    def reverse(self) -> DropLifecycleTriggerOp:
        return DropLifecycleTriggerOp(
            self.trigger, definition=self.definition, if_exists=self.if_exists, locking=self.locking
        )

    def to_diff_tuple(self) -> tuple[str, str, str]:
        """``("create_lifecycle_trigger", table, column)``."""
        return ("create_lifecycle_trigger", str(self.trigger.table), self.trigger.column)

    @classmethod
    def create_lifecycle_trigger(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        *,
        set_on: str | None = None,
        set_from: str | Sequence[str] | None = None,
        local_cols: list[str] | None = None,
        remote_cols: list[str] | None = None,
        schema: str | None = None,
        source_schema: str | None = None,
        security: str = "invoker",
        definition: list[str] | None = None,
        if_exists: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        """Make the trigger that keeps a column, and its function, in the schema of the table that has it.

        :param set_on: ``"update"``: before a row is updated, the column gets the time of the transaction, where the
         row really changes and the statement gives the column no other value.
        :param set_from: ``child_table.column``: after rows were inserted into the child, the column of their parents
         gets the newest value. Names with a dot in them are written as ``[child_table, column]``.
        :param local_cols: with ``set_from``, the child's columns that refer to the table.
        :param remote_cols: with ``set_from``, the columns that they refer to.
        :param schema: of the table; the child's is ``source_schema``.
        :param security: whose rights it has, ``"invoker"`` or ``"definer"``.
        :param definition: the statements that make it, where it is not to be what the other arguments say.
        :param if_exists: skip the operation, with a log line, where the table is absent.
        :param lock_timeout: as in :func:`op.alter_foreign_key`.

        Errors: :exc:`.TableNotFound`; :exc:`.LifecycleRefused` for what PostgreSQL refuses; :exc:`.LockNotAcquired`;
        :exc:`.UnsupportedDialect` on anything but PostgreSQL; :exc:`.ConfigError`.
        """
        trigger = trigger_of(
            table_name, column_name, set_on, set_from, local_cols, remote_cols, schema, source_schema, security
        )
        check_flags(if_exists=if_exists)
        statements = _statements(definition)
        locking = Locking.asked(concurrently=False, lock_timeout=lock_timeout)
        operations.invoke(cls(trigger, definition=statements, if_exists=if_exists, locking=locking))


@Operations.register_operation("drop_lifecycle_trigger")
class DropLifecycleTriggerOp(_LifecycleTriggerOp):
    """Drop the trigger and its function."""

    def reverse(self) -> CreateLifecycleTriggerOp:
        return CreateLifecycleTriggerOp(
            self.trigger, definition=self.definition, if_exists=self.if_exists, locking=self.locking
        )

    def to_diff_tuple(self) -> tuple[str, str, str]:
        """``("drop_lifecycle_trigger", table, column)``."""
        return ("drop_lifecycle_trigger", str(self.trigger.table), self.trigger.column)

    @classmethod
    def drop_lifecycle_trigger(
        cls,
        operations: Operations,
        table_name: str,
        column_name: str,
        *,
        set_on: str | None = None,
        set_from: str | Sequence[str] | None = None,
        local_cols: list[str] | None = None,
        remote_cols: list[str] | None = None,
        schema: str | None = None,
        source_schema: str | None = None,
        security: str = "invoker",
        definition: list[str] | None = None,
        if_exists: bool = False,
        lock_timeout: str | EllipsisType | None = ...,
    ) -> None:
        """Drop a trigger that keeps a column, and its function. One that is gone already is passed over.

        The arguments and errors are those of :func:`op.create_lifecycle_trigger`; ``definition`` is what brings it
        back.
        """
        trigger = trigger_of(
            table_name, column_name, set_on, set_from, local_cols, remote_cols, schema, source_schema, security
        )
        check_flags(if_exists=if_exists)
        statements = _statements(definition)
        locking = Locking.asked(concurrently=False, lock_timeout=lock_timeout)
        operations.invoke(cls(trigger, definition=statements, if_exists=if_exists, locking=locking))


def trigger_of(
    table_name: str,
    column_name: str,
    set_on: str | None,
    set_from: str | Sequence[str] | None,
    local_cols: Sequence[str] | None,
    remote_cols: Sequence[str] | None,
    schema: str | None,
    source_schema: str | None,
    security: str,
) -> LifecycleTrigger:
    """The trigger that an operation's arguments describe.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    check_column(table_name, column_name, schema)
    if (set_on is None) == (set_from is None) or set_on not in (None, "update"):
        raise ConfigError("set_on", f"must be 'update', or set_from be given, not {set_on!r} with {set_from!r}")
    if security not in SECURITY:
        raise ConfigError("security", f"must be 'invoker' or 'definer', not {security!r}")
    source = source_of(set_from, local_cols, remote_cols, source_schema)
    return LifecycleTrigger(TableName(schema, table_name), column_name, source, security)


def check_column(table_name: object, column_name: object, schema: object) -> None:
    """Refuse what can't be a column of a table.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    check_tables(table_name=table_name)
    if not isinstance(column_name, str) or not column_name:
        raise ConfigError("column_name", f"must be the name of a column, not {column_name!r}")
    _check_schema("schema", schema)


def check_expression(expression: object) -> None:
    """Refuse what is no SQL expression; None is none.

    Errors: :exc:`.ConfigError`.
    """
    if expression is not None and (not isinstance(expression, str) or not expression.strip()):
        raise ConfigError("expression", f"must be an SQL expression as text, not {expression!r}")


def source_of(
    set_from: object, local_cols: Sequence[str] | None, remote_cols: Sequence[str] | None, source_schema: str | None
) -> Source | None:
    """The column of a child that an operation's arguments describe; None where they describe none.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    if set_from is None:
        given = {"local_cols": local_cols, "remote_cols": remote_cols, "source_schema": source_schema}
        for argument, value in given.items():
            if value is not None:
                raise ConfigError(argument, "is about set_from, which is not given")
        return None
    parts = set_from.split(".") if isinstance(set_from, str) else set_from
    if not isinstance(parts, list | tuple) or len(parts) != TABLE_AND_COLUMN or not all(map(_is_name, parts)):
        raise ConfigError("set_from", f"must be 'child_table.column' or [child_table, column], not {set_from!r}")
    for argument, columns in {"local_cols": local_cols, "remote_cols": remote_cols}.items():
        if not isinstance(columns, list | tuple):
            raise ConfigError(argument, f"must be a list of column names, not {columns!r}")
    local, remote = local_cols or (), remote_cols or ()
    check_columns(local_cols=local, remote_cols=remote)
    _check_schema("source_schema", source_schema)
    return Source(TableName(source_schema, parts[0]), parts[1], tuple(zip(local, remote, strict=True)))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _check_schema(argument: str, schema: object) -> None:
    if schema is not None and not _is_name(schema):
        raise ConfigError(argument, f"must be the name of a schema, or None, not {schema!r}")


def _statements(definition: object) -> tuple[str, ...]:
    if definition is None:
        return ()
    if not isinstance(definition, list | tuple) or not all(isinstance(part, str) for part in definition):
        raise ConfigError("definition", f"must be a list of statements, not {definition!r}")
    return tuple(definition)
