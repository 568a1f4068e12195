"""How far the delete of a row reaches: along CASCADE to SET NULL and SET DEFAULT, refused by what has neither."""

from __future__ import annotations

from collections.abc import Iterable

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.report import Reached, ReportedKey


def reach(keys: Iterable[ReportedKey], start: TableName) -> tuple[Reached, ...]:
    """Every key that a delete in ``start`` comes upon, once, by its steps from there.

    The rules alone are looked at, not rows: a key that refuses does so where a row refers by it, as does SET
    NULL on a column that takes none. One that is NOT ENFORCED does nothing. https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
    """
    by_parent: dict[TableName, list[ReportedKey]] = {}
    for key in keys:
        if key.key.enforced:
            by_parent.setdefault(key.parent, []).append(key)
    found: list[Reached] = []
    deleted, wave, depth = {start}, [start], 0
    while wave:
        depth += 1
        following = []
        for table in wave:
            for key in by_parent.get(table, ()):
                found.append(Reached(key.child, depth, key.effect, key.id))
                if key.effect == "deleted" and key.child not in deleted:
                    deleted.add(key.child)
                    following.append(key.child)
        wave = following
    return tuple(sorted(found, key=lambda one: (one.depth, one.table.sort_key, one.key)))
