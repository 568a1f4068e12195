"""Writes a revision's operations out: with orphans settled, and apart from others where they run concurrently."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from alembic.operations import MigrateOperation, ops
from alembic.util import rev_id

from alembic_cascade.concurrently.rewriter import concurrent_operations, take_apart
from alembic_cascade.config import CascadeConfig, config_of
from alembic_cascade.declared import INFO_KEY
from alembic_cascade.locking import Locking
from alembic_cascade.ops import (
    AddForeignKeyOp,
    AlterForeignKeyOp,
    BackfillLifecycleColumnOp,
    CleanOrphansOp,
    CreateLifecycleTriggerOp,
    DropForeignKeyOp,
    DropLifecycleTriggerOp,
    RestoreOrphansOp,
    TranslateReferencesOp,
)
from alembic_cascade.ops.keys_of import single
from alembic_cascade.orphans.rewriter import Decider, with_orphans_settled

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def rewrite(context: MigrationContext, revision: Any, directives: list[ops.MigrationScript]) -> None:
    """Write ``op.clean_orphans`` before each key that is made, and ``op.restore_orphans`` where the way down allows it.

    What is to run concurrently gets a revision of its own, after the ordinary one where both are needed. It may
    be called again for the same directives, as for each engine of a project with several.
    """
    del revision
    if context.dialect.name != "postgresql":
        return
    decider = Decider(config_of(context.opts), context)
    for script in list(directives):
        for upgrade_ops, downgrade_ops in zip(script.upgrade_ops_list, script.downgrade_ops_list, strict=False):
            if not upgrade_ops.info.setdefault(INFO_KEY, {}).get("settled"):
                upgrade_ops.info[INFO_KEY]["settled"] = True
                _rewrite(upgrade_ops, downgrade_ops, decider, script, directives)


def _rewrite(
    upgrade_ops: ops.UpgradeOps,
    downgrade_ops: ops.DowngradeOps,
    decider: Decider,
    script: ops.MigrationScript,
    directives: list[ops.MigrationScript],
) -> None:
    up, down = list(single(upgrade_ops.ops)), list(single(downgrade_ops.ops))
    apart = take_apart(up, down, decider)
    ordinary = with_orphans_settled(*apart.ordinary, decider)
    _limit_waiting(ordinary, decider.config)
    if not apart.has_concurrent:
        _replace(upgrade_ops, ordinary[0])
        _replace(downgrade_ops, ordinary[1])
        return
    concurrent = concurrent_operations(apart, decider)
    if any(ordinary):
        upgrade_ops.ops[:], downgrade_ops.ops[:] = ordinary
        _add(concurrent, upgrade_ops, downgrade_ops, script, directives)
    else:
        upgrade_ops.ops[:], downgrade_ops.ops[:] = concurrent


def _replace(container: ops.OpContainer, written: list[MigrateOperation]) -> None:
    """Put what is written into the container, which stays as it is where nothing of ours is in it."""
    if any(isinstance(operation, CleanOrphansOp | RestoreOrphansOp) for operation in written):
        container.ops[:] = written


def _limit_waiting(written: Sequence[Sequence[MigrateOperation]], config: CascadeConfig) -> None:
    """Let each of our operations wait as the settings say."""
    locking = Locking.configured(config.lock_timeout)
    for operation in _all(operation for operations in written for operation in operations):
        if isinstance(operation, _LIMITED):
            operation.locking = locking
        if isinstance(operation, DropForeignKeyOp) and config.concurrently:
            # Alembic's own would wait without an end, in everybody's way.
            operation.is_own = True


_LIMITED = (
    AlterForeignKeyOp,
    AddForeignKeyOp,
    BackfillLifecycleColumnOp,
    CreateLifecycleTriggerOp,
    DropForeignKeyOp,
    DropLifecycleTriggerOp,
    TranslateReferencesOp,
)


def _all(operations: Any) -> Iterator[MigrateOperation]:
    for operation in operations:
        yield operation
        if isinstance(operation, ops.OpContainer):
            yield from _all(operation.ops)


def _add(
    concurrent: tuple[list[MigrateOperation], list[MigrateOperation]],
    upgrade_ops: ops.UpgradeOps,
    downgrade_ops: ops.DowngradeOps,
    script: ops.MigrationScript,
    directives: list[ops.MigrationScript],
) -> None:
    """Put concurrent operations into the revision that follows ``script``, made where there is none yet."""
    up = ops.UpgradeOps(concurrent[0], upgrade_token=upgrade_ops.upgrade_token)
    down = ops.DowngradeOps(concurrent[1], downgrade_token=downgrade_ops.downgrade_token)
    up.info[INFO_KEY] = {"settled": True}
    place = directives.index(script) + 1
    following = directives[place:]
    if following and following[0].upgrade_ops_list[0].info.get(INFO_KEY, {}).get("follows") == script.rev_id:
        following[0].upgrade_ops_list.append(up)
        following[0].downgrade_ops_list.append(down)
        return
    up.info[INFO_KEY]["follows"] = script.rev_id
    message = f"{script.message}, concurrently" if script.message else "concurrently"
    made = ops.MigrationScript(
        rev_id(), up, down, message=message, imports=set(script.imports), head=script.rev_id,
        version_path=script.version_path,
    )  # fmt: skip
    made._needs_render = True  # noqa: SLF001
    for other in following:
        # Somebody else's revision comes after both.
        if other.head == script.rev_id:
            other.head = made.rev_id
    directives.insert(place, made)
