"""Takes the operations that are to run concurrently out of a revision, and writes them in their own form."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from alembic.operations import MigrateOperation, ops
from sqlalchemy import ForeignKeyConstraint

from alembic_cascade.calls import Code
from alembic_cascade.concurrently.missing_indexes import index_name, is_indexed
from alembic_cascade.declared import KeySettings
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.locking import Locking
from alembic_cascade.naming import beside_name
from alembic_cascade.ops import (
    AddForeignKeyIndexOp,
    AddForeignKeyOp,
    AlterForeignKeyOp,
    AutocommitOps,
    BackfillLifecycleColumnOp,
    BeginConcurrentlyOp,
    CleanOrphansOp,
    DropForeignKeyOp,
    NullTakenAgainOps,
    TranslateReferencesOp,
)
from alembic_cascade.ops.keys_of import key_gone, keys_made
from alembic_cascade.orphans.rewriter import Decider, Settled, identity, settle_before

log = logging.getLogger("alembic.cascade")

UpAndDown = tuple[list[MigrateOperation], list[MigrateOperation]]


@dataclass(frozen=True)
class KeyChange:
    """What happens to one key: None is a key that is not there, before or after."""

    existing: ForeignKey | None
    target: ForeignKey | None
    settings: KeySettings
    if_exists: bool
    translation: TranslateReferencesOp | None = None
    declared: ForeignKeyConstraint | None = None
    doubled: bool = False

    @property
    def reference(self) -> tuple[object, object]:
        """What it is known by in the other direction, where both change places."""
        return (_known_by(self.existing), _known_by(self.target))


def _known_by(key: ForeignKey | None) -> object:
    return None if key is None else (key.source, key.identity, key.name)


@dataclass(frozen=True)
class Apart:
    """A revision's operations, those that are to run concurrently apart."""

    ordinary: UpAndDown
    concurrent: tuple[list[KeyChange], list[KeyChange]]
    backfills: list[BackfillLifecycleColumnOp] = field(default_factory=list)

    @property
    def has_concurrent(self) -> bool:
        return any(self.concurrent) or bool(self.backfills)


def take_apart(up: list[MigrateOperation], down: list[MigrateOperation], decider: Decider) -> Apart:
    """The operations on keys of tables that ``concurrently`` means, apart from all others.

    A key stays with the others where they make its table, or take away what it needs.
    """
    if not decider.config.concurrently:
        return Apart((up, down), ([], []))
    backfills = [op for op in up if isinstance(op, BackfillLifecycleColumnOp) and is_concurrent(op.table, decider)]
    up = [op for op in up if not any(op is backfill for backfill in backfills)]
    down = [op for op in down if not any(_takes_back(op, backfill) for backfill in backfills)]
    units, units_down = list(_units(up)), list(_units(down))
    tied = _Tied(units, decider)
    chosen = [change for _, change in units if change is not None and not tied.holds(change)]
    mirrored = {change.reference[::-1] for change in chosen}
    chosen_down = [change for _, change in units_down if change is not None and change.reference in mirrored]
    return Apart(
        (_others(units, chosen), _others(units_down, chosen_down)),
        (chosen, chosen_down),
        backfills,
    )


def _takes_back(operation: MigrateOperation, backfill: BackfillLifecycleColumnOp) -> bool:
    return isinstance(operation, NullTakenAgainOps) and (
        TableName(operation.schema, operation.table_name),
        operation.column,
    ) == (backfill.table, backfill.column)


def is_concurrent(table: TableName, decider: Decider) -> bool:
    """Whether the settings mean the table."""
    schema = table.schema or decider.context.dialect.default_schema_name
    return decider.config.is_concurrent(schema, table.name)


Unit = tuple[list[MigrateOperation], KeyChange | None]


def _others(units: Sequence[Unit], chosen: Sequence[KeyChange]) -> list[MigrateOperation]:
    taken = set(map(id, chosen))
    return [operation for operations, change in units if id(change) not in taken for operation in operations]


def _units(operations: Sequence[MigrateOperation]) -> Iterator[Unit]:
    """The operations of one key together, with what they do to it; None where they do something else."""
    pending = list(operations)
    while pending:
        match pending:
            case [drop, TranslateReferencesOp() as translation, add, *_] if key_gone(drop) and keys_made(add):
                (target, settings, if_exists), *_ = keys_made(add)
                declared = _declared(add)
                yield pending[:3], KeyChange(key_gone(drop), target, settings, if_exists, translation, declared)
                del pending[:3]
            case [operation, *_]:
                yield [operation], _change(operation)
                del pending[0]


def _change(operation: MigrateOperation) -> KeyChange | None:
    made, gone = keys_made(operation), key_gone(operation)
    if isinstance(operation, AlterForeignKeyOp) and operation.change is None:
        return None
    if made:
        target, settings, if_exists = made[0]
        return KeyChange(gone, target, settings, if_exists, declared=_declared(operation))
    if gone is None:
        return None
    drop = operation.ops[0] if isinstance(operation, ops.ModifyTableOps) else operation
    if_exists, doubled = (bool(getattr(drop, name, False)) for name in ("if_exists", "doubled"))
    return KeyChange(gone, None, KeySettings(), if_exists, doubled=doubled)


def _declared(operation: MigrateOperation) -> ForeignKeyConstraint | None:
    """The model's constraint for the key that an operation makes."""
    made = operation.ops[-1] if isinstance(operation, ops.OpContainer) else operation
    return made.declared if isinstance(made, AddForeignKeyOp) else None


class _Tied:
    """Which keys have to stay with the ordinary operations of a revision."""

    def __init__(self, units: Sequence[Unit], decider: Decider) -> None:
        up = [operation for operations, _ in units for operation in operations]
        self._decider = decider
        firsts = [operations[0] for operations, _ in units]
        self._translated = {first.source for first in firsts if isinstance(first, TranslateReferencesOp)}
        self._made = {TableName(op.schema, op.table_name) for op in up if isinstance(op, ops.CreateTableOp)}
        self._dropped = {TableName(op.schema, op.table_name) for op in up if isinstance(op, ops.DropTableOp)}
        self._altered = {
            TableName(op.schema, op.table_name)
            for op in up
            if isinstance(op, ops.ModifyTableOps) and _change(op) is None and any(map(_takes_away, op.ops))
        }

    def holds(self, change: KeyChange) -> bool:
        """Whether the change is not to run concurrently."""
        tables = {table for key in (change.existing, change.target) if key for table in (key.source, key.referent)}
        if not any(is_concurrent(table, self._decider) for table in tables):
            return True
        if change.target is None:
            return bool(tables & (self._dropped | self._altered))
        # References that can't be translated concurrently take their key along.
        waits = change.translation is None and change.target.source in self._translated
        return waits or change.target.source in self._made


def _takes_away(operation: MigrateOperation) -> bool:
    return isinstance(operation, ops.DropColumnOp | ops.DropConstraintOp | ops.AlterColumnOp | ops.DropIndexOp)


def concurrent_operations(apart: Apart, decider: Decider) -> UpAndDown:
    """The changes in their concurrent form, in one ``autocommit_block`` each way."""
    up, down = apart.concurrent
    indexes = list(_missing_indexes(up, apart.ordinary[0], decider))
    settled: dict[Settled, CleanOrphansOp] = {}
    upward = [step for change in up for step in _steps(change, decider, settled, trusting=False)]
    downward: list[MigrateOperation] = []
    for change in down:
        downward.extend(_steps(change, decider, {}, trusting=True))
        gone = change.existing
        taken = settled.get((gone.source, gone.referent, frozenset(gone.pairs))) if gone else None
        if taken is not None:
            downward.append(taken.reverse())
    locking = Locking.configured(decider.config.lock_timeout, concurrently=True)
    for backfill in apart.backfills:
        backfill.locking = locking
    nullable_again = [backfill.reverse() for backfill in reversed(apart.backfills) if not backfill.nullable]
    return (
        _block([*indexes, *upward, *apart.backfills], "revision"),
        _block([*nullable_again, *downward, *(index.reverse() for index in reversed(indexes))], "down_revision"),
    )


def _missing_indexes(
    changes: Sequence[KeyChange], ordinary: Sequence[MigrateOperation], decider: Decider
) -> Iterator[AddForeignKeyIndexOp]:
    """What builds the indexes that keys lack, each once."""
    seen: set[tuple[TableName, frozenset[str]]] = set()
    for change in changes if decider.config.index_foreign_keys else ():
        key = change.target
        if key is None or (key.source, frozenset(key.local_columns)) in seen:
            continue
        seen.add((key.source, frozenset(key.local_columns)))
        if not is_indexed(key, decider.context, ordinary):
            name = index_name(key, change.declared)
            log.info(
                "%s: no index on %s, %s is built; write it into the model",
                key.label,
                ", ".join(key.local_columns),
                name,
            )
            locking = Locking.configured(decider.config.lock_timeout)
            yield AddForeignKeyIndexOp(
                name, key.source, key.local_columns, if_exists=change.if_exists, lock_timeout=locking.lock_timeout
            )


def _block(steps: list[MigrateOperation], variable: str) -> list[MigrateOperation]:
    return [BeginConcurrentlyOp(Code(variable)), AutocommitOps(steps)] if steps else []


def _steps(
    change: KeyChange, decider: Decider, settled: dict[Settled, CleanOrphansOp], *, trusting: bool
) -> Iterator[MigrateOperation]:
    """The steps of one change, each of which can be done again."""
    existing, target = change.existing, change.target
    locking = Locking.configured(decider.config.lock_timeout, concurrently=True)
    if target is None:
        assert existing is not None
        yield DropForeignKeyOp(existing, doubled=change.doubled, if_exists=change.if_exists, locking=locking)
        return
    clean = _clean(change, target, decider, locking)
    # A key that is NOT ENFORCED lets orphans in.
    stays = existing is not None and existing.identity == target.identity and existing.enforced
    if trusting and existing is not None and stays and existing.validated:
        clean = None
    if clean is not None and clean.strategy != "delete":
        settled[identity(clean)] = clean
    pending = replace(target, validated=False)
    if clean is None or stays:
        yield from [clean] if clean is not None else []
        yield _made(existing, target, change, locking)
        if change.translation is not None and target.validated and target.enforced:
            yield AlterForeignKeyOp.between(pending, target, if_exists=change.if_exists, locking=locking)
        return
    yield _check(clean, change)
    if change.translation is not None or (existing is not None and existing.identity == target.identity):
        yield _made(existing, pending, change, locking)
        existing = pending
    elif existing is None:
        yield AddForeignKeyOp(pending, if_exists=change.if_exists, locking=locking)
        existing = pending
    else:
        beside = replace(pending, name=beside_name(target))
        yield AddForeignKeyOp(beside, if_exists=change.if_exists, locking=locking)
    yield clean
    yield AlterForeignKeyOp.between(existing, target, if_exists=change.if_exists, locking=locking)


def _made(
    existing: ForeignKey | None, target: ForeignKey, change: KeyChange, locking: Locking
) -> AddForeignKeyOp | AlterForeignKeyOp:
    if existing is None:
        return AddForeignKeyOp(target, if_exists=change.if_exists, locking=locking)
    translate = change.translation is not None
    if translate:
        target = replace(target, validated=False)
    return AlterForeignKeyOp.between(existing, target, if_exists=change.if_exists, locking=locking, translate=translate)


def _clean(change: KeyChange, target: ForeignKey, decider: Decider, locking: Locking) -> CleanOrphansOp | None:
    clean = decider.clean(target, change.settings, if_exists=change.if_exists)
    if clean is not None:
        clean.locking = locking
    return clean


def _check(clean: CleanOrphansOp, change: KeyChange) -> CleanOrphansOp:
    """What refuses, before anything is changed, what ``clean`` would refuse; it says what will be done."""
    check = clean.only_checking()
    clean.remark = ""
    if change.translation is not None:
        settle_before(check, change.translation)
    return check
