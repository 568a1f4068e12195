"""Foreign keys as the database has them: PostgreSQL's from its catalogue, others' from reflection."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Dialect, RowMapping
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import NoSuchTableError
from sqlalchemy.schema import conv

from alembic_cascade.foreign_keys import Action, ForeignKey, TableName
from alembic_cascade.sql.catalogue import ACTION_RULES, MATCH_TYPES, foreign_keys_in_schema

log = logging.getLogger("alembic.cascade")


@dataclass(frozen=True)
class ReflectedKeys:
    """The keys of one schema by table name.

    ``own`` are those that a table was given itself, ``inherited`` the clones that a partition has of
    its partitioned table's; ``names`` are constraint names that a new key must not take, ``shown``
    the referents that need no schema because the search path shows them. The clones that a key has
    for each partition of its referent belong to neither.
    """

    own: Mapping[str, list[ForeignKey]]
    inherited: Mapping[str, list[ForeignKey]] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    shown: frozenset[TableName] = frozenset()


def server_version(dialect: Dialect) -> tuple[int, ...]:
    """The version of the server that ``dialect`` is connected to."""
    return tuple(part for part in dialect.server_version_info or () if isinstance(part, int))


def keys_in_catalogue(connection: Connection, schema: str | None) -> ReflectedKeys:
    """The keys of ``schema`` in PostgreSQL; None means what the search path shows.

    A temporal key (PERIOD, PostgreSQL 18) is left alone with a log line: SQLAlchemy can't declare one.
    """
    version = server_version(connection.dialect)
    own: dict[str, list[ForeignKey]] = defaultdict(list)
    inherited: dict[str, list[ForeignKey]] = defaultdict(list)
    names, shown = set(), set()
    for row in connection.execute(foreign_keys_in_schema(schema, version)).mappings():
        names.add(row["conname"])
        if row["contype"] != "f":
            continue
        if row["parent_visible"]:
            shown.add(TableName(row["parent_schema"], row["parent_name"]))
        if row["temporal"]:
            log.info("%s.%s: a temporal key (PERIOD) is not compared", row["child_name"], row["conname"])
        elif not row["cloned"]:
            own[row["child_name"]].append(_key_from_catalogue(row, schema))
        elif row["inherited"]:
            inherited[row["child_name"]].append(_key_from_catalogue(row, schema))
    return ReflectedKeys(own, inherited, frozenset(names), frozenset(shown))


def _key_from_catalogue(row: RowMapping, schema: str | None) -> ForeignKey:
    ondelete = Action(ACTION_RULES[row["confdeltype"]], tuple(row["set_columns"] or ()))
    parent_schema = None if row["parent_visible"] else row["parent_schema"]
    return ForeignKey(
        name=conv(row["conname"]),
        source=TableName(schema, row["child_name"]),
        referent=TableName(parent_schema, row["parent_name"]),
        pairs=tuple(zip(row["local_columns"], row["remote_columns"], strict=True)),
        ondelete=ondelete,
        onupdate=Action(ACTION_RULES[row["confupdtype"]]),
        deferrable=row["condeferrable"],
        deferred=row["condeferred"],
        match=MATCH_TYPES[row["confmatchtype"]],
        # PostgreSQL 18 marks a NOT ENFORCED key as not valid, too.
        validated=row["convalidated"] or not row["enforced"],
        enforced=row["enforced"],
        comment=row["remark"],
    )


# What the reflection of a dialect tells of a key's rule; of one not listed here, ON DELETE and ON UPDATE.
_TOLD = {"sqlite": {"ondelete", "onupdate", "deferrable", "deferred"}, "oracle": {"ondelete"}}
_TOLD_BY_DEFAULT = {"ondelete", "onupdate"}


def comparable(key: ForeignKey, dialect: str) -> ForeignKey:
    """``key`` with no more of its rule than a dialect other than PostgreSQL has and tells."""
    told = _TOLD.get(dialect, _TOLD_BY_DEFAULT)
    ondelete, onupdate = (
        # InnoDB checks at once, so that its RESTRICT and NO ACTION are one.
        Action() if action.rule == "RESTRICT" and dialect in {"mysql", "mariadb"} else action
        for action in (key.ondelete, key.onupdate)
    )
    return replace(
        key,
        ondelete=ondelete if "ondelete" in told else Action(),
        onupdate=onupdate if "onupdate" in told else Action(),
        deferrable=key.deferrable and "deferrable" in told,
        deferred=key.deferred and "deferred" in told,
        match=None,
        validated=True,
        enforced=True,
    )


def keys_in_reflection(inspector: Inspector, table: str, schema: str | None) -> ReflectedKeys:
    """The keys of ``table`` on any database, as far as its SQLAlchemy dialect can tell; none of one to be made."""
    dialect = inspector.dialect.name
    try:
        found = inspector.get_foreign_keys(table, schema)
    except NoSuchTableError:
        found = []
    keys = [comparable(_key_from_reflection(TableName(schema, table), key), dialect) for key in found]
    return ReflectedKeys({table: keys}, names=frozenset(key.name for key in keys if key.name))


def _key_from_reflection(source: TableName, reflected: Mapping[str, Any]) -> ForeignKey:
    options = reflected.get("options", {})
    deferred = (options.get("initially") or "").upper() == "DEFERRED"
    match = (options.get("match") or "").upper()
    return ForeignKey(
        name=conv(reflected["name"]) if reflected["name"] else None,
        source=source,
        referent=TableName(reflected["referred_schema"], reflected["referred_table"]),
        pairs=tuple(zip(reflected["constrained_columns"], reflected["referred_columns"], strict=True)),
        ondelete=Action.parse(options.get("ondelete")),
        onupdate=Action.parse(options.get("onupdate")),
        deferrable=bool(options.get("deferrable")) or deferred,
        deferred=deferred,
        match=match if match not in {"", "SIMPLE", "NONE"} else None,
    )
