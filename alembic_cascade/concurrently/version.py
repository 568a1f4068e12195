"""A revision that another migration has finished meanwhile, for Alembic to finish once more without a complaint."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Connection,
    Delete,
    Insert,
    String,
    TableClause,
    Update,
    column,
    delete,
    event,
    insert,
    table,
    update,
)  # fmt: skip

from alembic_cascade.errors import MigratedMeanwhile
from alembic_cascade.foreign_keys import TableName
from alembic_cascade.sql.foreign_key_blocks import literal_sql
from alembic_cascade.sql.quoting import quote_table

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def step_along(
    context: MigrationContext,
    connection: Connection,
    located: TableName,
    before: tuple[str, ...],
    after: tuple[str, ...],
) -> None:
    """Let Alembic find the version that it started from, in the very transaction in which it writes the next one.

    Nobody ever sees it: the transaction ends with the version that was there before. Alembic would refuse
    otherwise, for it expects to change exactly one row.
    """
    version = table(located.name, column("version_num", String), schema=located.schema)
    name = quote_table(*located)
    changes = re.compile(rf"\s*(UPDATE|INSERT INTO|DELETE FROM) {re.escape(name)}\b", re.IGNORECASE)
    pending = [True]

    def back(connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        if not pending or not changes.match(statement):
            return
        pending.clear()
        raw = connection.connection.cursor()
        raw.execute(_exchange(version, after, before))
        if raw.rowcount != 1:
            raise MigratedMeanwhile(before, context.get_current_heads())
        raw.close()

    event.listen(connection, "before_cursor_execute", back)


def _exchange(version: TableClause, present: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    number = version.c.version_num
    statement: Insert | Update | Delete
    if not present:
        statement = insert(version).values({number: wanted[0]})
    elif wanted:
        statement = update(version).values({number: wanted[0]}).where(number == present[0])
    else:
        statement = delete(version).where(number == present[0])
    return literal_sql(statement)
