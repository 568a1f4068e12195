"""Puts the operations on orphans round the operations on keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alembic.operations import MigrateOperation, ops

from alembic_cascade.config import CascadeConfig
from alembic_cascade.declared import KeySettings
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.locking import Locking
from alembic_cascade.ops import AlterForeignKeyOp, CleanOrphansOp, TranslateReferencesOp
from alembic_cascade.ops.keys_of import changes_rule_only, key_gone, keys_made
from alembic_cascade.orphans.strategies import decide

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

# What a settling is known by: the child, the parent, and the column pairs that its rows are judged by.
Settled = tuple[TableName, TableName, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Decider:
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
            locking=Locking.configured(self.config.lock_timeout),
            remark=decision.remark(key),
        )


def with_orphans_settled(
    up: Sequence[MigrateOperation], down: Sequence[MigrateOperation], decider: Decider
) -> tuple[list[MigrateOperation], list[MigrateOperation]]:
    """A revision's operations with the orphans of each key settled before it is made, and put back on the way down."""
    settled: dict[Settled, CleanOrphansOp] = {}
    upward = _with_cleaning(up, decider, settled, trusting=False)
    return upward, _with_restoring(_with_cleaning(down, decider, {}, trusting=True), settled)


def _with_cleaning(
    operations: Sequence[MigrateOperation], decider: Decider, settled: dict[Settled, CleanOrphansOp], *, trusting: bool
) -> list[MigrateOperation]:
    """``operations`` with each key's orphans settled before it is made; what settles them is put into ``settled``.

    ``trusting`` leaves out keys that only change their rule: a downgrade finds them valid.
    """
    new_tables = {TableName(op.schema, op.table_name) for op in operations if isinstance(op, ops.CreateTableOp)}
    written: list[MigrateOperation] = []
    for operation in operations:
        place = len(written)
        translation = written[-1] if written and isinstance(written[-1], TranslateReferencesOp) else None
        for made, settings, if_exists in keys_made(operation):
            if made.source in new_tables or (trusting and changes_rule_only(operation)):
                continue
            clean = decider.clean(made, settings, if_exists=if_exists)
            if clean is None:
                continue
            if translation is not None and translation.source == made.source:
                settle_before(clean, translation)
                written.insert(place - 1, clean)
            else:
                written.append(clean)
            if clean.strategy != "delete":
                settled[identity(clean)] = clean
        written.append(operation)
    return written


def settle_before(clean: CleanOrphansOp, translation: TranslateReferencesOp) -> None:
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
        gone = key_gone(operation)
        clean = settled.get((gone.source, gone.referent, frozenset(gone.pairs))) if gone else None
        if isinstance(operation, TranslateReferencesOp):
            pairs = frozenset(zip(operation.local_cols, operation.to_cols, strict=True))
            waiting = settled.get((operation.source, operation.referent, pairs))
        made = [key for key, _, _ in keys_made(operation)]
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


def identity(clean: CleanOrphansOp) -> Settled:
    return (clean.source, clean.referent, frozenset(zip(clean.local_cols, clean.remote_cols, strict=True)))
