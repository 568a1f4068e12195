"""A database as it is before and after a migration, with what keeps lifecycle columns: defaults, triggers, functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from project import catalogue, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from project import Project

KEPT = """
SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid), coalesce(obj_description(p.oid, 'pg_proc'), '')
    || ARRAY(SELECT grantee::regrole FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) ORDER BY 1)::text
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND p.prokind = 'f'
UNION ALL
SELECT 'trigger', t.tgname, pg_get_triggerdef(t.oid), t.tgenabled::text FROM pg_trigger t WHERE NOT t.tgisinternal
UNION ALL
SELECT 'default', d.adrelid::regclass::text || '.' || a.attname, pg_get_expr(d.adbin, d.adrelid), NULL
FROM pg_attrdef d JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum)
ORDER BY 1, 2, 3
"""


def whole(project: Project, tables: Sequence[str]) -> tuple[Any, ...]:
    """The catalogue with defaults, triggers and functions, and the rows of ``tables``."""
    with project.engine.connect() as connection:
        return catalogue(connection), project.fetch(KEPT), dict(rows(connection, tables))


def run_there_and_back(project: Project, tables: Sequence[str]) -> tuple[Any, ...]:
    """Up, no drift left, down to where it began, up again to the same; returns where it began."""
    start = whole(project, tables)
    project.upgrade()
    project.check()
    upgraded = whole(project, tables)
    project.downgrade()
    assert whole(project, tables) == start
    project.upgrade()
    assert whole(project, tables) == upgraded
    return start
