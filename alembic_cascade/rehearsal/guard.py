"""What keeps the transaction of a rehearsal from being committed, by whatever route: the server."""

from __future__ import annotations

from sqlalchemy import Connection

from alembic_cascade.sql.functions import read_functions
from alembic_cascade.sql.quoting import verbatim

# What the server says where it refuses, as in functions/guard.sql.
SAID = "alembic_cascade rehearses, and nothing is committed"

GUARD = (
    "CREATE TEMPORARY TABLE cascade_rehearsal_guard ()",
    # https://www.postgresql.org/docs/current/sql-createtrigger.html
    (
        "CREATE CONSTRAINT TRIGGER cascade_rehearsal_guard AFTER INSERT ON pg_temp.cascade_rehearsal_guard "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.cascade_rehearsal_guard()"
    ),
    # Also with session_replication_role = replica.
    "ALTER TABLE pg_temp.cascade_rehearsal_guard ENABLE ALWAYS TRIGGER cascade_rehearsal_guard",
    "INSERT INTO pg_temp.cascade_rehearsal_guard DEFAULT VALUES",
)


def guard(connection: Connection) -> None:
    """Let the server refuse to commit this transaction.

    A rollback it can't refuse: what follows it is another transaction.
    """
    for statement in (*read_functions("alembic_cascade.rehearsal", ("guard",)), *GUARD):
        connection.execute(verbatim(statement))


def is_refused_commit(error: BaseException) -> bool:
    """Whether the server refused to commit."""
    return SAID in str(error)
