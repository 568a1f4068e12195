"""A batch for a table in which SQLite left a foreign key without a name."""

from __future__ import annotations

from alembic.operations import ops

from alembic_cascade.ops.add_foreign_key import DropForeignKeyOp


class DropNamelessKeyOps(ops.ModifyTableOps):
    """Holds the drop of a nameless key; its batch gives the key a name to be dropped by."""

    def __init__(self, drop: DropForeignKeyOp) -> None:
        table = drop.key.source
        super().__init__(table.name, [drop], schema=table.schema)
