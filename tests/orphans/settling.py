"""A revision written by hand that settles the orphans of one key, and the whole database before and after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from project import catalogue

from alembic_cascade.errors import CascadeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from project import Project
    from sqlalchemy import Connection, Row

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname), c.relkind <> 'p' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname <> 'information_schema' AND c.relname <> 'alembic_version' AND obj_description(c.oid, 'pg_class') IS NULL
ORDER BY 1
"""

STORES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND obj_description(c.oid, 'pg_class') LIKE '{"alembic_cascade" : "quarantine"%' ORDER BY 1
"""


def needs_release(project: Project, release: int, what: str) -> None:
    """Skip the test where the server is older than the release that brought ``what``."""
    if project.fetch("SELECT current_setting('server_version_num')::int / 10000")[0][0] < release:
        pytest.skip(f"{what} came with PostgreSQL {release}")


class State(NamedTuple):
    """Everything that a migration must give back."""

    schema: list[tuple[Any, ...]]
    rows: dict[str, list[str]]


def state(project: Project) -> State:
    """The catalogue, and the rows of all tables that are nobody's quarantine."""
    with project.engine.connect() as connection:
        return State(catalogue(connection), _rows(connection))


def rows(project: Project) -> dict[str, list[str]]:
    """The rows of the user's tables, sorted; of inheriting tables each under its own."""
    with project.engine.connect() as connection:
        return _rows(connection)


def _rows(connection: Connection) -> dict[str, list[str]]:
    found = {}
    for table, plain in fetch(connection, TABLES):
        read = fetch(connection, f"SELECT t::text FROM {'ONLY ' if plain else ''}{table} t ORDER BY 1")
        found[table.removeprefix("public.")] = [row[0] for row in read]
    return found


def kept(project: Project) -> dict[str, list[str]]:
    """What the quarantine holds, without ids and times; by the name of its table."""
    found = {}
    with project.engine.connect() as connection:
        for (store,) in fetch(connection, STORES):
            read = f"SELECT (to_jsonb(t) - 'cascade_id' - 'cascade_at')::text FROM {store} t ORDER BY 1"
            found[store] = [row[0] for row in fetch(connection, read)]
    return found


def fetch(connection: Connection, statement: str) -> Sequence[Row[Any]]:
    """The rows of a query; a connection for each would take longer than all of them."""
    return connection.exec_driver_sql(statement.replace("%", "%%")).all()


def write_key(
    project: Project,
    source: str,
    referent: str,
    local: Sequence[str],
    remote: Sequence[str],
    *,
    strategy: str = "quarantine",
    settling: str = "",
    rule: str = "",
) -> None:
    """A revision that makes the key ``coming``; ``settling`` and ``rule`` are further keywords as they are written."""
    tables = {}
    schemas = ""
    for place, table in (("source", source), ("referent", referent)):
        schema, _, tables[place] = table.rpartition(".")
        schemas += f", {place}_schema={schema!r}" if schema else ""
    key = f"{tables['source']!r}, {tables['referent']!r}, {list(local)!r}, {list(remote)!r}{schemas}"
    more = f", {settling}" if settling else ""
    project.write_revision(
        f"op.clean_orphans({key}, strategy={strategy!r}, revision=revision{more})\n"
        f"op.add_foreign_key('coming', {key}{', ' if rule else ''}{rule})",
        f"op.drop_foreign_key('coming', {key})\nop.restore_orphans({key}, revision=revision)",
    )


def there_and_back(project: Project) -> dict[str, list[str]]:
    """The rows after the upgrade; the downgrade has given back all of them, and the schema, and left nothing behind."""
    start = state(project)
    project.upgrade()
    upgraded = rows(project)
    project.downgrade()
    end = state(project)
    assert end.rows == start.rows, f"{end.rows} after the downgrade, {start.rows} at the start"
    assert end.schema == start.schema
    return upgraded


def refused(project: Project, error: type[CascadeError], match: str | None = None) -> CascadeError:
    """The error with which the upgrade is refused; the database is as it was."""
    start = state(project)
    with pytest.raises(CascadeError, match=match) as raised:
        project.upgrade()
    assert type(raised.value) is error, repr(raised.value)
    assert state(project) == start
    assert project.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'alembic_cascade'") == []
    return raised.value
