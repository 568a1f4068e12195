"""Puts the operations on orphans round the operations on keys, once a revision's directives are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic.operations import MigrateOperation, ops

from alembic_cascade.config import CascadeConfig, config_of
from alembic_cascade.declared import INFO_KEY, KeySettings, key_settings
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.ops import (
    AddForeignKeyOp,
    AlterForeignKeyOp,
    CleanOrphansOp,
    DropForeignKeyOp,
    DropNamelessKeyOps,
    RestoreOrphansOp,
    TranslateReferencesOp,
)
from alembic_cascade.ops.ordinary import created_key, dropped_key
from alembic_cascade.orphans.strategies import decide

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

# What a settling is known by: the child, the parent, and the column pairs that its rows are judged by.
Settled = tuple[TableName, TableName, frozenset[tuple[str, str]]]


def settle_orphans(context: MigrationContext, revision: Any, directives: list[ops.MigrationScript]) -> None:
    """Write ``op.clean_orphans`` before each key that is made, and ``op.restore_orphans`` where the way down allows it.

    It may be called again for the same directives, as for each engine of a project with several.
    """
    del revision
    config = config_of(context.opts)
    if context.dialect.name != "postgresql":
        return
    for script in directives:
        for upgrade_ops, downgrade_ops in zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=False):
            if not upgrade_ops.info.setdefault(INFO_KEY, {}).get("settled"):
                upgrade_ops.info[INFO_KEY]["settled"] = True
                _settle(upgrade_ops, downgrade_ops, _Decider(config, context))


@dataclass(frozen=True)
class _Decider:
    """Decides on the operation that settles a key's orphans."""

    config: CascadeConfig
    context: MigrationContext

    def clean(self, key: ForeignKey, settings: KeySettings, *, if_exists: bool) -> CleanOrphansOp | None:
        """What settles the orphans of ``key``, None where nothing has to."""
        if not (key.validated and key.enforced):
            # It looks at no row that is there.
            return None
        schema = key.source.schema or self.context.dialect.default_schema_name
        decision = decide(key, settings, self.config, schema)
        if decision is None:
            return None
        return CleanOrphansOp(
            key.source,
            key.referent,
            key.local_columns,
            key.remote_columns,
            strategy=decision.strategy,
            columns=decision.columns or None,
            match=key.match,
            max_orphans=decision.max_orphans,
            trust_valid_keys=self.config.trust_valid_keys,
            quarantine_schema=self.config.quarantine_schema,
            if_exists=if_exists,
            remark=decision.remark(key),
        )


def _settle(upgrade_ops: ops.UpgradeOps, downgrade_ops: ops.DowngradeOps, decider: _Decider) -> None:
    up, down = list(_single(upgrade_ops.ops)), list(_single(downgrade_ops.ops))
    settled: dict[Settled, CleanOrphansOp] = {}
    _replace(upgrade_ops, _with_cleaning(up, decider, settled, trusting=False))
    _replace(downgrade_ops, _with_restoring(_with_cleaning(down, decider, {}, trusting=True), settled))


def _replace(container: ops.OpContainer, written: list[MigrateOperation]) -> None:
    """Put what is written into the container, which stays as it is where nothing of ours is in it."""
    if any(isinstance(operation, CleanOrphansOp | RestoreOrphansOp) for operation in written):
        container.ops[:] = written


def _single(operations: Sequence[MigrateOperation]) -> Iterator[MigrateOperation]:
    """``operations`` with each key of a table in a ModifyTableOps of its own, so that something can stand before it."""
    for operation in operations:
        if not isinstance(operation, ops.ModifyTableOps) or isinstance(operation, DropNamelessKeyOps):
            yield operation
            continue
        pending: list[MigrateOperation] = []
        for child in operation.ops:
            if _keys_made(child) or _key_gone(child) is not None:
                if pending:
                    yield _like(operation, pending)
                yield _like(operation, [child])
                pending = []
            else:
                pending.append(child)
        if pending or not operation.ops:
            yield _like(operation, pending)


def _like(table: ops.ModifyTableOps, children: list[MigrateOperation]) -> ops.ModifyTableOps:
    return ops.ModifyTableOps(table.table_name, children, schema=table.schema)


def _with_cleaning(
    operations: Sequence[MigrateOperation], decider: _Decider, settled: dict[Settled, CleanOrphansOp], *, trusting: bool
) -> list[MigrateOperation]:
    """``operations`` with each key's orphans settled before it is made; what settles them is put into ``settled``.

    ``trusting`` leaves out keys that only change their rule: a downgrade finds them valid.
    """
    new_tables = {TableName(op.schema, op.table_name) for op in operations if isinstance(op, ops.CreateTableOp)}
    written: list[MigrateOperation] = []
    for operation in operations:
        place = len(written)
        translation = written[-1] if written and isinstance(written[-1], TranslateReferencesOp) else None
        for made, settings, if_exists in _keys_made(operation):
            if made.source in new_tables or (trusting and _changes_rule_only(operation)):
                continue
            clean = decider.clean(made, settings, if_exists=if_exists)
            if clean is None:
                continue
            if translation is not None and translation.source == made.source:
                _settle_before(clean, translation)
                written.insert(place - 1, clean)
            else:
                written.append(clean)
            if clean.strategy != "delete":
                settled[_identity(clean)] = clean
        written.append(operation)
    return written


def _settle_before(clean: CleanOrphansOp, translation: TranslateReferencesOp) -> None:
    """Judge the references by what they hold before they are translated, and by whether they can be."""
    clean.local_cols, clean.remote_cols = translation.local_cols, translation.from_cols
    clean.to_cols = translation.to_cols


def _with_restoring(
    operations: Sequence[MigrateOperation], settled: dict[Settled, CleanOrphansOp]
) -> list[MigrateOperation]:
    """``operations`` of a downgrade with what the upgrade set aside put back, once the key that it was for is gone."""
    written: list[MigrateOperation] = []
    waiting: CleanOrphansOp | None = None
    for operation in operations:
        gone = _key_gone(operation)
        clean = settled.get((gone.source, gone.referent, frozenset(gone.pairs))) if gone else None
        if isinstance(operation, TranslateReferencesOp):
            pairs = frozenset(zip(operation.local_cols, operation.to_cols, strict=True))
            waiting = settled.get((operation.source, operation.referent, pairs))
        made = [key for key, _, _ in _keys_made(operation)]
        if waiting is not None and made:
            # The key's old values hold for the old key: it comes back first, unless it is to be NOT VALID.
            restore = waiting.reverse()
            written.extend([operation, restore] if made[0].validated else [restore, operation])
            waiting = None
        elif clean is not None and isinstance(operation, AlterForeignKeyOp) and not made[0].validated:
            drop, add = operation.ops
            written.extend([drop, clean.reverse(), add])
        else:
            written.append(operation)
            if clean is not None:
                written.append(clean.reverse())
    return written


def _identity(clean: CleanOrphansOp) -> Settled:
    return (clean.source, clean.referent, frozenset(zip(clean.local_cols, clean.remote_cols, strict=True)))


def _changes_rule_only(operation: MigrateOperation) -> bool:
    change = operation.change if isinstance(operation, AlterForeignKeyOp) else None
    if change is None:
        return False
    existing, target = change
    return existing.identity == target.identity and existing.validated and existing.enforced


def _keys_made(operation: MigrateOperation) -> list[tuple[ForeignKey, KeySettings, bool]]:
    """The keys that an operation makes, what the models say of each, and whether its table may be absent."""
    match operation:
        case ops.CreateForeignKeyOp():
            return [_made(operation, if_exists=False)]
        case AlterForeignKeyOp() | ops.ModifyTableOps():
            if_exists = getattr(operation, "if_exists", False)
            return [
                _made(child, if_exists=if_exists)
                for child in operation.ops
                if isinstance(child, ops.CreateForeignKeyOp)
            ]
    return []


def _made(operation: ops.CreateForeignKeyOp, *, if_exists: bool) -> tuple[ForeignKey, KeySettings, bool]:
    if isinstance(operation, AddForeignKeyOp):
        settings = KeySettings()
        if operation.declared is not None:
            settings = key_settings(operation.source_table, operation.declared)
        return operation.key, settings, if_exists or operation.if_exists
    return created_key(operation), KeySettings(), if_exists


def _key_gone(operation: MigrateOperation) -> ForeignKey | None:
    """The key that an operation takes away or changes."""
    match operation:
        case DropForeignKeyOp():
            return operation.key
        case ops.DropConstraintOp(constraint_type="foreignkey"):
            return dropped_key(operation)
        case AlterForeignKeyOp():
            return operation.change[0] if operation.change else None
        case ops.ModifyTableOps(ops=[child]):
            return _key_gone(child)
    return None
