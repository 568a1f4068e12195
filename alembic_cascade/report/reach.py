"""How far the delete of a row reaches: along CASCADE to SET NULL and SET DEFAULT, refused by what has neither."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.report import Reached, ReportedKey

# What becomes of the rows that refer to a deleted one, where there are any.
EFFECTS = MappingProxyType(
    {
        "CASCADE": "deleted",
        "SET NULL": "nulled",
        "SET DEFAULT": "defaulted",
        "RESTRICT": "refused",
        "NO ACTION": "refused",
    }
)


def reach(keys: Iterable[ReportedKey], start: TableName) -> tuple[Reached, ...]:
    """Every key that a delete in ``start`` comes upon, once, by its steps from there.

    The rules alone are looked at, not rows: a key that refuses does so where a row refers by it. One that is NOT
    ENFORCED does nothing. https://www.postgresql.org/docs/current/ddl-constraints.html#DDL-CONSTRAINTS-FK
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
                effect = EFFECTS[key.rule]
                found.append(Reached(key.child, depth, effect, key.id))
                if effect == "deleted" and key.child not in deleted:
                    deleted.add(key.child)
                    following.append(key.child)
        wave = following
    return tuple(sorted(found, key=lambda one: (one.depth, one.table.sort_key, one.key)))
