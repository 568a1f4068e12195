"""Foreign keys as the models declare them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from types import EllipsisType
from typing import Any

from sqlalchemy import Column, Dialect, ForeignKeyConstraint, Table
from sqlalchemy.schema import ForeignKey as ForeignKeyElement
from sqlalchemy.schema import conv

from alembic_cascade.config import check_limit, check_strategy
from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import Action, ForeignKey, TableName
from alembic_cascade.reflected import comparable, server_version
from alembic_cascade.sql.quoting import rendered_name

log = logging.getLogger("alembic.cascade")

INFO_KEY = "alembic_cascade"

SETTINGS = ("enforced", "max_orphans", "orphans")

# From the name that a model spells out to the one that keys are compared by.
Canonical = Callable[[TableName], TableName]


@dataclass(frozen=True)
class KeySettings:
    """What a key says of itself in ``info["alembic_cascade"]``; ``...`` is nothing."""

    enforced: bool = True
    orphans: str | EllipsisType | None = ...
    max_orphans: float | EllipsisType | None = ...


@dataclass(frozen=True)
class DeclaredKey:
    """A declared key with the constraint that declares it, for ``include_object``."""

    key: ForeignKey
    constraint: ForeignKeyConstraint


def declared_keys(
    table: Table, canonical: Canonical, dialect: Dialect, *, among: Collection[ForeignKeyConstraint] | None = None
) -> list[DeclaredKey]:
    """The keys that ``table`` declares, as far as the database of ``dialect`` can have them.

    ``canonical`` maps a spelled-out table name to the one compared by; with ``among``, only these constraints.

    Errors: :exc:`.ConfigError` for an ``info["alembic_cascade"]`` that can't be read.
    """
    keys = [
        DeclaredKey(_possible(_declared_key(table, constraint, canonical), dialect), constraint)
        for constraint in (table.foreign_key_constraints if among is None else among)
    ]
    return sorted(keys, key=lambda declared: declared.key.sort_key)


def _possible(key: ForeignKey, dialect: Dialect) -> ForeignKey:
    """``key`` without what the database can't have; its name as the database would cut it."""
    if dialect.name != "postgresql":
        return comparable(key, dialect.name)
    if isinstance(key.name, conv):
        key = replace(key, name=conv(rendered_name(key.name)))
    if not key.enforced and server_version(dialect) < (18,):
        log.info("%s: NOT ENFORCED needs PostgreSQL 18; compared as enforced", key.label)
        key = replace(key, enforced=True)
    return key


def _declared_key(table: Table, constraint: ForeignKeyConstraint, canonical: Canonical) -> ForeignKey:
    targets = [_target(element) for element in constraint.elements]
    deferred = (constraint.initially or "").upper() == "DEFERRED"
    match = (constraint.match or "").upper()
    return ForeignKey(
        name=constraint.name if isinstance(constraint.name, str) else None,
        source=TableName(table.schema, table.name),
        referent=targets[0][0],
        compared_referent=canonical(targets[0][0]),
        pairs=tuple(
            (element.parent.name, column) for element, (_, column) in zip(constraint.elements, targets, strict=True)
        ),
        ondelete=Action.parse(constraint.ondelete),
        onupdate=Action.parse(constraint.onupdate),
        deferrable=bool(constraint.deferrable) or deferred,
        deferred=deferred,
        match=match if match not in {"", "SIMPLE"} else None,
        validated=not constraint.dialect_options["postgresql"]["not_valid"],
        enforced=key_settings(table.name, constraint).enforced,
        comment=constraint.comment,
    )


def _target(element: ForeignKeyElement) -> tuple[TableName, str]:
    """The table and column that a reference means; Alembic has resolved all of them by then, to sort the tables."""
    referred = element.column.table
    if not isinstance(referred, Table):
        raise ConfigError(str(element), "refers to something that is not a table")
    return TableName(referred.schema, referred.name), element.column.name


def key_settings(table_name: str, constraint: ForeignKeyConstraint) -> KeySettings:
    """What the models say of a key beside its definition.

    Errors: :exc:`.ConfigError` that names the key and the setting.
    """
    # Where the key is written at a column, the information is the reference's, not the constraint's.
    settings: Any = {}
    for item in (*constraint.elements, constraint):
        settings = item.info.get(INFO_KEY, settings)
    place = f"info[{INFO_KEY!r}] of a foreign key on {table_name} ({', '.join(constraint.column_keys)})"
    if not isinstance(settings, dict):
        raise ConfigError(place, f"must be a dictionary, not {settings!r}")
    unknown = sorted(set(settings) - set(SETTINGS), key=str)
    if unknown:
        known = ", ".join(map(repr, SETTINGS))
        raise ConfigError(place, f"has no setting {unknown[0]!r}; there are: {known}")
    if not isinstance(settings.get("enforced", True), bool):
        raise ConfigError(place, f"'enforced' must be True or False, not {settings['enforced']!r}")
    if "orphans" in settings:
        check_strategy(f"{place}, 'orphans'", settings["orphans"])
    if "max_orphans" in settings:
        check_limit(f"{place}, 'max_orphans'", settings["max_orphans"])
    return KeySettings(**settings)


def column_named(table: Table, name: str) -> Column[Any] | None:
    """The column that the database knows by that name, whatever its key in the model."""
    return next((column for column in table.columns if column.name == name), None)
