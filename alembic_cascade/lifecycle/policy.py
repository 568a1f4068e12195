"""What the settings say of lifecycle columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

from sqlalchemy import Date, DateTime
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine, UserDefinedType, to_instance

from alembic_cascade.errors import ConfigError
from alembic_cascade.patterns import listed, matches_table, table_patterns

# In bytes: https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
LONGEST_NAME = 63

TIMESTAMP_WITH_TIME_ZONE = DateTime(timezone=True)
SET_ON = ("insert", "update")
SECURITY = ("invoker", "definer")


@dataclass(frozen=True)
class LifecycleColumn:
    """A column that tables are to have, and what keeps it.

    :param name: of the column.
    :param tables: a pattern ``[schema.]table``, or several: the tables that are to have it. An association table, all
     of whose columns are in foreign keys, has to be named without ``*``, ``?`` and ``[``.
    :param exclude: patterns of tables that are not to have it. A table says so of itself by
     ``info={"alembic_cascade": {"lifecycle": False}}``.
    :param aliases: other names under which a table may have it; such a table is satisfied. What keeps that column is
     the application's affair.
    :param type_: of a column that the models lack; SQLAlchemy's.
    :param nullable: whether a column that the models lack takes NULL. One that does not needs a value for each row
     that is there: from ``backfill``, or from nowhere in an empty table.
    :param set_on: ``"insert"``: a default gives a new row the time of its transaction. ``"update"``: a trigger gives it
     to a row that an UPDATE really changes, unless the statement gives the column another value itself; a new row has
     NULL, or the default that the model gives it.
    :param set_from: ``[schema.]child_table.column``: a trigger keeps the newest value that was ever inserted into the
     child for a row. The two columns are of one type, and no other trigger of these settings writes the child's.
    :param via: with ``set_from``, where the child has several keys to the table: the columns of the one that is meant.
    :param backfill: what rows that are there get when the column is made. None: NULL. True, with ``set_from``: the
     newest value of the child. A string: that SQL expression of the row's columns. It is written into the revision as
     it is.
    :param security: whose rights the triggers have, ``"invoker"`` or ``"definer"``.

    Errors: :exc:`.ConfigError` that names the column and the field, for a contradiction as well.
    """

    name: str
    _: KW_ONLY
    tables: str | Sequence[str] = "*"
    exclude: str | Sequence[str] = ()
    aliases: str | Sequence[str] = ()
    type_: TypeEngine[Any] | type[TypeEngine[Any]] = TIMESTAMP_WITH_TIME_ZONE
    nullable: bool = True
    set_on: str | None = None
    set_from: str | None = None
    via: str | Sequence[str] | None = None
    backfill: str | bool | None = None
    security: str = "invoker"

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ConfigError("lifecycle", f"a column needs a name of its own, of 63 bytes at most, not {self.name!r}")
        for field in ("tables", "exclude"):
            object.__setattr__(self, field, table_patterns(self._place(field), _several(getattr(self, field))))
        if not self.tables:
            raise ConfigError(self._place("tables"), "means no table; leave the column out")
        object.__setattr__(self, "aliases", _names(self._place("aliases"), self.aliases))
        object.__setattr__(self, "type_", _type(self._place("type_"), self.type_))
        if not isinstance(self.nullable, bool):
            raise ConfigError(self._place("nullable"), f"must be True or False, not {self.nullable!r}")
        if not self.nullable and self.set_from is not None:
            raise ConfigError(
                self._place("nullable"), "contradicts set_from: a new row has no child to be set from yet"
            )
        self._check_what_sets_it()
        self._check_backfill()
        if self.security not in SECURITY:
            raise ConfigError(self._place("security"), f"must be 'invoker' or 'definer', not {self.security!r}")
        if self.security == "definer" and not self.has_trigger:
            raise ConfigError(self._place("security"), "is about a trigger: give set_on='update' or set_from as well")

    def _check_what_sets_it(self) -> None:
        if self.set_on is not None and self.set_on not in SET_ON:
            raise ConfigError(self._place("set_on"), f"must be None, 'insert' or 'update', not {self.set_on!r}")
        if self.set_on is not None and self.set_from is not None:
            raise ConfigError(
                self._place("set_from"), f"contradicts set_on={self.set_on!r}: only one can say the value"
            )
        if self.set_on is not None and not takes_time(self.column_type):
            raise ConfigError(self._place("type_"), f"takes no time for set_on={self.set_on!r}: {self.type_!r}")
        if self.set_from is not None and not _is_path(self.set_from):
            raise ConfigError(
                self._place("set_from"),
                f"{self.set_from!r} is no column; write [schema.]table.column, such as 'messages.created_at'",
            )
        if self.via is not None:
            if self.set_from is None:
                raise ConfigError(self._place("via"), "is about set_from, which is not given")
            object.__setattr__(self, "via", _names(self._place("via"), self.via))

    def _check_backfill(self) -> None:
        backfill = self.backfill
        if backfill is None or (isinstance(backfill, str) and backfill.strip()):
            return
        if backfill is not True:
            raise ConfigError(self._place("backfill"), f"must be None, True or an SQL expression, not {backfill!r}")
        if self.set_from is None:
            raise ConfigError(
                self._place("backfill"), "True has nothing to fill from: give set_from, or an SQL expression"
            )

    def _place(self, field: str) -> str:
        return f"lifecycle[{self.name!r}].{field}"

    @property
    def has_trigger(self) -> bool:
        """Whether a trigger keeps it."""
        return self.set_on == "update" or self.set_from is not None

    @property
    def column_type(self) -> TypeEngine[Any]:
        """The type of a column that the models lack."""
        assert isinstance(self.type_, TypeEngine)
        return self.type_

    def means(self, schema: str | None, table: str) -> bool:
        """Whether the table is to have the column."""
        return _any(self.tables, schema, table) and not _any(self.exclude, schema, table)

    def names(self, schema: str | None, table: str) -> bool:
        """Whether one of the patterns names the table itself."""
        return any(matches_table(pattern, schema, table) and not set(pattern) & set("*?[") for pattern in self.tables)


def check_policies(policies: Sequence[object]) -> tuple[LifecycleColumn, ...]:
    """``policies`` as they are, if they are lifecycle columns.

    Errors: :exc:`.ConfigError`.
    """
    for policy in policies:
        if not isinstance(policy, LifecycleColumn):
            raise ConfigError("lifecycle", f"must be a list of LifecycleColumn, not of {policy!r}")
    return tuple(policy for policy in policies if isinstance(policy, LifecycleColumn))


def takes_time(type_: TypeEngine[Any]) -> bool:
    """Whether the type holds a date or a moment."""
    return isinstance(_innermost(type_), DateTime | Date)


def is_known(type_: TypeEngine[Any]) -> bool:
    """Whether SQLAlchemy knows what the type holds."""
    return not isinstance(_innermost(type_), UserDefinedType | NullType)


def python_name(type_: TypeEngine[Any]) -> str:
    """The name of the Python type that a model annotates; ``Any`` where SQLAlchemy knows none."""
    for known in (type_, _innermost(type_)):
        try:
            found = known.python_type
        except NotImplementedError:  # as SQLAlchemy 2.0 says it
            continue
        if found is not object:
            return found.__name__
    return "Any"


def _innermost(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    while isinstance(type_, TypeDecorator):
        type_ = type_.impl_instance
    return type_


def _any(patterns: Sequence[str], schema: str | None, table: str) -> bool:
    return any(matches_table(pattern, schema, table) for pattern in patterns)


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


# https://www.postgresql.org/docs/current/ddl-system-columns.html
SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value.encode()) <= LONGEST_NAME
        and "\0" not in value
        and value not in SYSTEM_COLUMNS
    )


def _is_path(value: object) -> bool:
    """Whether it is a column with its table, and perhaps with the schema."""
    parts = value.split(".") if isinstance(value, str) else []
    return all(parts) and len(parts) in {2, 3}


def _names(field: str, names: object) -> tuple[str, ...]:
    found = listed(field, _several(names), "column names")
    if not all(map(_is_name, found)):
        raise ConfigError(field, f"must be column names, not {names!r}")
    return found


def _type(field: str, type_: object) -> TypeEngine[Any]:
    if not isinstance(type_, TypeEngine) and not (isinstance(type_, type) and issubclass(type_, TypeEngine)):
        raise ConfigError(field, f"must be a type of SQLAlchemy's, such as DateTime(timezone=True), not {type_!r}")
    return to_instance(type_)
