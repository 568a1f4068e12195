"""What a key is called after its tables or columns got other names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.report.steps import ColumnRenamed, Renamed, TableRenamed


def renamed_table(table: TableName, step: Renamed, canonical: Callable[[TableName], TableName]) -> TableName:
    """The table's name after the step; ``canonical`` is how names are compared."""
    return step.to if isinstance(step, TableRenamed) and canonical(table) == canonical(step.table) else table


def renamed_key(key: ForeignKey, step: Renamed, canonical: Callable[[TableName], TableName]) -> ForeignKey:
    """The key after the step: PostgreSQL's keys know tables and columns, and not their names."""
    if isinstance(step, ColumnRenamed):
        table, new = canonical(step.table), {step.column: step.to}
        local = new if canonical(key.source) == table else {}
        remote = new if canonical(key.parent) == table else {}
        pairs = tuple((local.get(one, one), remote.get(other, other)) for one, other in key.pairs)
        return replace(key, pairs=pairs)
    compared = key.compared_referent
    return replace(
        key,
        source=renamed_table(key.source, step, canonical),
        referent=renamed_table(key.referent, step, canonical),
        compared_referent=None if compared is None else renamed_table(compared, step, canonical),
    )
