"""Keys of tables that a revision makes or drops: inline where that can work, apart where it can't."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from alembic_cascade.declared import DeclaredKey
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.naming import TakenNames
from alembic_cascade.ops import AddForeignKeyOp, DropForeignKeyOp
from alembic_cascade.scope import Scope
from alembic_cascade.sorting import ranks
from alembic_cascade.tables import Footprint, TableUnit


def in_creation_order(units: list[TableUnit], scope: Scope) -> list[TableUnit]:
    """``units`` with the tables that are made in an order in which most inline keys find their referent.

    Alembic's order stays where it is such an order; it is none across several metadata collections, or in
    a cycle.
    """
    creations = [unit for unit in units if unit.create is not None]
    places = {unit.table: place for place, unit in enumerate(creations)}
    if all(
        places.get(key.key.parent, -1) <= place
        for place, unit in enumerate(creations)
        for key in _inline_keys(unit, scope)
    ):
        return units
    graph = _graph((unit.table, [key.key.parent for key in _inline_keys(unit, scope)]) for unit in creations)
    rank = ranks(graph)
    return _refilled(units, sorted(creations, key=lambda unit: rank[unit.table]))


def in_drop_order(units: list[TableUnit], scope: Scope) -> list[TableUnit]:
    """``units`` with the tables that are dropped children first."""
    drops = [unit for unit in units if unit.drop is not None]
    rank = drop_ranks(drops, scope)
    return _refilled(units, sorted(drops, key=lambda unit: rank[unit.table], reverse=True))


def drop_ranks(drops: Iterable[TableUnit], scope: Scope) -> dict[TableName, int]:
    """The places of dropped tables, parents before children."""
    return ranks(_graph((unit.table, [key.parent for key in _keys_in_database(unit, scope)]) for unit in drops))


def _refilled(units: list[TableUnit], ordered: list[TableUnit]) -> list[TableUnit]:
    """``units`` with those in ``ordered`` in that order, on the places that they had."""
    moving, following = {id(unit) for unit in ordered}, iter(ordered)
    return [next(following) if id(unit) in moving else unit for unit in units]


def _graph(references: Iterable[tuple[TableName, list[TableName]]]) -> dict[TableName, list[TableName]]:
    """Tables and those among them that they refer to, sorted."""
    listed = dict(references)
    return {
        table: sorted({parent for parent in listed[table] if parent in listed}, key=lambda parent: parent.sort_key)
        for table in sorted(listed, key=lambda table: table.sort_key)
    }


def _inline_keys(unit: TableUnit, scope: Scope) -> list[DeclaredKey]:
    """The keys that a unit's CREATE TABLE holds."""
    if unit.create is None:
        return []
    inline = [item for item in unit.create.columns if isinstance(item, ForeignKeyConstraint)]
    return [key for constraint in inline[:1] for key in scope.declared_in(constraint.table) if key.constraint in inline]


def keys_that_wait(unit: TableUnit, footprint: Footprint, scope: Scope, names: TakenNames) -> list[AddForeignKeyOp]:
    """Take those keys out of a CREATE TABLE that can't be made with it, and return operations that make them later.

    They refer to a table that is made later, or to a column or UNIQUE that is; they are declared with
    ``use_alter``, or NOT ENFORCED, neither of which CREATE TABLE can say.
    """
    waiting: list[AddForeignKeyOp] = []
    create = unit.create
    if create is None or not scope.dialect.supports_alter:
        return waiting
    leaving = []
    for declared in _inline_keys(unit, scope):
        key = declared.key
        if scope.waits_for_referent(key):
            leaving.append(declared.constraint)
        elif declared.constraint.use_alter or not key.enforced or _lacks_referent(key, unit, footprint):
            leaving.append(declared.constraint)
            named = replace(key, name=names.for_added(key))
            if_exists = scope.is_optional(key.referent)
            waiting.append(AddForeignKeyOp(named, declared=declared.constraint, if_exists=if_exists))
    create.columns = [item for item in create.columns if not any(item is constraint for constraint in leaving)]
    return waiting


def _lacks_referent(key: ForeignKey, unit: TableUnit, footprint: Footprint) -> bool:
    if key.parent == unit.table:
        assert unit.create is not None
        keys = [item for item in unit.create.columns if isinstance(item, PrimaryKeyConstraint | UniqueConstraint)]
        return all({column.name for column in item.columns} != set(key.remote_columns) for item in keys)
    made = footprint.created.get(key.parent)
    return footprint.unsettled(key) if made is None else made > footprint.created[unit.table]


def keys_dropped_first(unit: TableUnit, rank: Mapping[TableName, int], scope: Scope) -> list[DropForeignKeyOp]:
    """Operations for those keys of a dropped table that its DROP TABLE, or the CREATE that reverses it, can't carry.

    They close a cycle among the dropped tables, or are NOT VALID or NOT ENFORCED. What reverses the drop is
    left with the others, and without the clones that PostgreSQL makes for partitions.
    """
    drop = unit.drop
    if drop is None or not scope.dialect.supports_alter:
        return []
    keys = _keys_in_database(unit, scope)
    place = rank[unit.table]
    apart = [key for key in keys if not key.validated or not key.enforced or rank.get(key.parent, -1) > place]
    inline = {key.name for key in keys} - {key.name for key in apart}
    table = drop.to_table()
    surplus = [constraint for constraint in table.foreign_key_constraints if constraint.name not in inline]
    if surplus:
        table.constraints.difference_update(surplus)
        unit.replace(drop, ops.DropTableOp.from_table(table))
    return [DropForeignKeyOp(key) for key in apart]


def _keys_in_database(unit: TableUnit, scope: Scope) -> list[ForeignKey]:
    if unit.drop is None:
        return []
    name = unit.drop.table_name
    return list(scope.reflected_in(unit.drop.schema, name).own.get(name, ()))
