"""UNIQUE constraints that nobody named, with a name by which a downgrade can drop them."""

from __future__ import annotations

from typing import Any

from alembic.operations import ops
from sqlalchemy.schema import conv


class NamedUniqueConstraintOp(ops.CreateUniqueConstraintOp):
    """Alembic's operation under the name that PostgreSQL would give; diffs show it as it is declared."""

    def __init__(self, declared: ops.CreateUniqueConstraintOp, name: conv) -> None:
        super().__init__(name, declared.table_name, declared.columns, schema=declared.schema, **declared.kw)
        self._declared = declared

    def to_diff_tuple(self) -> tuple[str, Any]:
        return self._declared.to_diff_tuple()
