"""The operations that revisions are written with."""

from __future__ import annotations

from alembic_cascade.ops.add_foreign_key import AddForeignKeyOp, DropForeignKeyOp
from alembic_cascade.ops.alter_foreign_key import AlterForeignKeyOp
from alembic_cascade.ops.backfill_lifecycle_column import (
    BackfillLifecycleColumnOp,
    NothingAlteredOp,
    NothingOps,
    NullTakenAgainOps,
)
from alembic_cascade.ops.begin_concurrently import AutocommitOps, BeginConcurrentlyOp
from alembic_cascade.ops.clean_orphans import CleanOrphansOp
from alembic_cascade.ops.foreign_key_index import AddForeignKeyIndexOp, DropForeignKeyIndexOp
from alembic_cascade.ops.lifecycle_trigger import CreateLifecycleTriggerOp, DropLifecycleTriggerOp
from alembic_cascade.ops.named_unique import NamedUniqueConstraintOp
from alembic_cascade.ops.nameless_key import DropNamelessKeyOps
from alembic_cascade.ops.restore_orphans import RestoreOrphansOp
from alembic_cascade.ops.translate_references import TranslateReferencesOp

__all__ = [
    "AddForeignKeyIndexOp",
    "AddForeignKeyOp",
    "AlterForeignKeyOp",
    "AutocommitOps",
    "BackfillLifecycleColumnOp",
    "BeginConcurrentlyOp",
    "CleanOrphansOp",
    "CreateLifecycleTriggerOp",
    "DropForeignKeyIndexOp",
    "DropForeignKeyOp",
    "DropLifecycleTriggerOp",
    "DropNamelessKeyOps",
    "NamedUniqueConstraintOp",
    "NothingAlteredOp",
    "NothingOps",
    "NullTakenAgainOps",
    "RestoreOrphansOp",
    "TranslateReferencesOp",
]
