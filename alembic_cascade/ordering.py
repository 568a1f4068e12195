"""The order of a revision's operations: each finds what it needs, and it is the same in every run.

Upgrade: rule changes of valid keys; keys dropped; everything of Alembic's and of other plugins, with new
tables parents first and dropped tables children first; keys that are new or repointed, parents first,
those that close a cycle last. Alembic derives the downgrade by reversing this.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from alembic.operations import MigrateOperation, ops

from alembic_cascade.errors import ReferencesNotTranslatable
from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.naming import TakenNames, default_constraint_name
from alembic_cascade.ops import (
    AddForeignKeyOp,
    AlterForeignKeyOp,
    DropForeignKeyOp,
    DropNamelessKeyOps,
    NamedUniqueConstraintOp,
    TranslateReferencesOp,
)
from alembic_cascade.scope import Scope
from alembic_cascade.tables import Footprint, TableUnit, table_units
from alembic_cascade.whole_tables import (
    drop_ranks,
    in_creation_order,
    in_drop_order,
    keys_dropped_first,
    keys_that_wait,
)

log = logging.getLogger("alembic.cascade")


@dataclass
class _Phases:
    """The operations on keys, by the phase in which they run; ``makes`` has those of one key together."""

    rule_changes: list[AlterForeignKeyOp] = field(default_factory=list)
    drops: list[DropForeignKeyOp] = field(default_factory=list)
    makes: list[list[MigrateOperation]] = field(default_factory=list)


def ordered_operations(operations: Sequence[MigrateOperation], scope: Scope) -> list[MigrateOperation]:
    """``operations`` of one autogenerate run, ordered; what needs no order keeps Alembic's.

    Errors: :exc:`.ReferencesNotTranslatable` where references are to be translated from a column that the
    same revision drops.
    """
    units = [unit for unit in table_units(operations, scope) if not _is_optional_creation(unit, scope)]
    units = in_drop_order(in_creation_order(units, scope), scope)
    footprint = Footprint(units, scope)
    rank = drop_ranks([unit for unit in units if unit.drop is not None], scope)
    phases = _Phases()
    for unit in units:
        _take_out_keys(unit, footprint, phases)
        if unit.create is not None:
            names = TakenNames((), scope.reflected_in(unit.create.schema, unit.create.table_name).names)
            phases.makes.extend([op] for op in keys_that_wait(unit, footprint, scope, names))
        phases.drops.extend(keys_dropped_first(unit, rank, scope))
        _settle(unit, scope)
        if scope.is_optional(unit.table) and not unit.drop:
            _warn_of_unguarded(unit)
    _let_go_of_lost_keys(footprint, phases, scope)
    rest = [operation for unit in units for operation in unit.operations]
    rule_changes = sorted(phases.rule_changes, key=lambda op: _place(_key_made(op), scope))
    drops = sorted(phases.drops, key=lambda op: op.key.sort_key)
    makes = sorted(phases.makes, key=lambda group: _place(_key_made(group[-1]), scope))
    return [
        *_by_table(rule_changes),
        *_by_table(drops),
        *rest,
        *_by_table(operation for group in makes for operation in group),
    ]


def _warn_of_unguarded(unit: TableUnit) -> None:
    if any(unit.alterations):
        log.warning("%s: only operations on keys skip an optional table; guard the others by hand", unit.table)


def _is_optional_creation(unit: TableUnit, scope: Scope) -> bool:
    optional = unit.create is not None and scope.is_optional(unit.table)
    if optional:
        log.info("%s: not proposed for creation, the table is optional", unit.table)
    return optional


def _take_out_keys(unit: TableUnit, footprint: Footprint, phases: _Phases) -> None:
    """Move the unit's operations on keys into the phases."""
    for operation in unit.operations:
        if isinstance(operation, ops.ModifyTableOps):
            keys = [op for op in operation.ops if isinstance(op, _ON_KEYS)]
            operation.ops[:] = [op for op in operation.ops if not isinstance(op, _ON_KEYS)]
            for group in _groups(keys):
                _file(group, footprint, phases)
    unit.operations = [op for op in unit.operations if not (isinstance(op, ops.ModifyTableOps) and op.is_empty())]


_ON_KEYS = (AddForeignKeyOp, AlterForeignKeyOp, DropForeignKeyOp, TranslateReferencesOp)


def _groups(operations: Sequence[MigrateOperation]) -> Iterator[list[MigrateOperation]]:
    """The operations of one key together: drop, translate and add of a repoint within its parent."""
    pending = list(operations)
    while pending:
        size = 3 if len(pending) > 2 and isinstance(pending[1], TranslateReferencesOp) else 1  # noqa: PLR2004
        yield pending[:size]
        del pending[:size]


def _file(group: list[MigrateOperation], footprint: Footprint, phases: _Phases) -> None:
    """Put the operations of one key into their phase, a repoint that has to let go early into two."""
    match group:
        case [DropForeignKeyOp() as drop]:
            phases.drops.append(drop)
        case [DropForeignKeyOp() as drop, TranslateReferencesOp() as translate, add]:
            if footprint.drops_column(drop.key):
                raise ReferencesNotTranslatable(
                    drop.table_name,
                    translate.label,
                    f"{drop.key.target_label} leaves with the same revision",
                    "Drop that column in a later revision.",
                )
            if footprint.loses_uniqueness(drop.key):
                raise ReferencesNotTranslatable(
                    drop.table_name,
                    translate.label,
                    f"{drop.key.target_label} loses its UNIQUE with the same revision, without which a value may mean "
                    "several rows",
                    "Drop that UNIQUE in a later revision.",
                )
            if footprint.loses_referent(drop.key):
                phases.drops.append(drop)
                phases.makes.append([translate, add])
            else:
                phases.makes.append(group)
        case [AlterForeignKeyOp() as alter]:
            _file_alter(alter, footprint, phases)
        case _:
            phases.makes.append(group)


def _file_alter(alter: AlterForeignKeyOp, footprint: Footprint, phases: _Phases) -> None:
    drop, add = alter.ops
    assert isinstance(drop, DropForeignKeyOp)
    assert isinstance(add, AddForeignKeyOp)
    existing, target = drop.key, add.key
    changes_rule_only = existing.referent == target.referent and set(existing.pairs) == set(target.pairs)
    if footprint.loses_referent(existing):
        drop.if_exists = alter.if_exists or None
        add.if_exists = alter.if_exists
        phases.drops.append(drop)
        phases.makes.append([add])
    elif changes_rule_only and existing.validated and existing.enforced:
        phases.rule_changes.append(alter)
    else:
        phases.makes.append([alter])


def _let_go_of_lost_keys(footprint: Footprint, phases: _Phases, scope: Scope) -> None:
    """Take keys away, and bring them back, round a change that they would not let happen.

    Such as the rename of a UNIQUE that they need, or another type of the columns on both ends.
    """
    in_hand = {op.key for op in phases.drops}
    for key in scope.reflected_keys if footprint.loosens_keys else ():
        source = scope.canonical(key.source)
        if key not in in_hand and source not in footprint.dropped and footprint.loses_referent(key):
            phases.drops.append(DropForeignKeyOp(key))
            phases.makes.append([AddForeignKeyOp(key)])


def _key_made(operation: MigrateOperation) -> ForeignKey:
    made = operation.ops[-1] if isinstance(operation, AlterForeignKeyOp) else operation
    assert isinstance(made, AddForeignKeyOp)
    return made.key


def _place(key: ForeignKey, scope: Scope) -> tuple[object, ...]:
    """Parents before children; a key that closes a cycle after all others."""
    source, parent = scope.canonical(key.source), scope.canonical(key.referent)
    rank = scope.declared_ranks
    place = rank.get(source, -1)
    return (rank.get(parent, -1) > place, place, key.sort_key)


def _by_table(operations: Iterable[ops.MigrateOperation]) -> list[MigrateOperation]:
    """``operations`` with those that Alembic has a form for in a ModifyTableOps, as other tools expect them."""
    listed: list[MigrateOperation] = []
    for operation in operations:
        if isinstance(operation, DropForeignKeyOp) and operation.constraint_name is None:
            listed.append(DropNamelessKeyOps(operation))
        elif isinstance(operation, AddForeignKeyOp | DropForeignKeyOp) and operation.is_ordinary:
            table = operation.key.source
            last = listed[-1] if listed else None
            if type(last) is ops.ModifyTableOps and (last.schema, last.table_name) == table:
                last.ops.append(operation)
            else:
                listed.append(ops.ModifyTableOps(table.name, [operation], schema=table.schema))
        else:
            listed.append(operation)
    return listed


def _settle(unit: TableUnit, scope: Scope) -> None:
    """Sort what Alembic takes out of a set, the columns to drop, and name nameless UNIQUE constraints."""
    for operation in unit.operations:
        if isinstance(operation, ops.ModifyTableOps):
            _name_unique_constraints(operation, scope)
            places = [place for place, op in enumerate(operation.ops) if isinstance(op, ops.DropColumnOp)]
            drops = [op for op in operation.ops if isinstance(op, ops.DropColumnOp)]
            drops.sort(key=lambda op: op.column_name)
            for place, drop in zip(places, drops, strict=True):
                operation.ops[place] = drop


def _name_unique_constraints(operation: ops.ModifyTableOps, scope: Scope) -> None:
    """Without a name the downgrade could not drop the UNIQUE that a key was made to refer to."""
    for place, op in enumerate(operation.ops):
        if isinstance(op, ops.CreateUniqueConstraintOp) and op.constraint_name is None and scope.on_postgresql:
            taken = scope.names_in(operation.schema)
            name = default_constraint_name(op.table_name, tuple(map(str, op.columns)), "key", taken)
            taken.add(name)
            operation.ops[place] = NamedUniqueConstraintOp(op, name)
