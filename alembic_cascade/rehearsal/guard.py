"""What keeps the transaction of a rehearsal from being committed, by whatever route: the server, and a look at the SQL."""

from __future__ import annotations

import re

from sqlalchemy import Connection

from alembic_cascade.sql.functions import read_functions
from alembic_cascade.sql.quoting import verbatim

# What the server says where it refuses, as in functions/guard.sql.
SAID = "alembic_cascade rehearses, and nothing is committed"

GUARD = (
    "CREATE TEMPORARY TABLE cascade_rehearsal_guard ()",
    # https://www.postgresql.org/docs/current/sql-createtrigger.html
    "CREATE CONSTRAINT TRIGGER cascade_rehearsal_guard AFTER INSERT ON pg_temp.cascade_rehearsal_guard "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.cascade_rehearsal_guard()",
    # Also with session_replication_role = replica.
    "ALTER TABLE pg_temp.cascade_rehearsal_guard ENABLE ALWAYS TRIGGER cascade_rehearsal_guard",
    "INSERT INTO pg_temp.cascade_rehearsal_guard DEFAULT VALUES",
)

# Where a word or a semicolon is none of the statement's own.
_ASIDE = re.compile(
    r"--[^\n]*|\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$",
    re.DOTALL,
)
_COMMENT = re.compile(r"/\*(?:(?!/\*|\*/).)*\*/", re.DOTALL)
_ENDS = re.compile(
    r"(?:COMMIT|ABORT)\b|ROLLBACK\b(?!(?:\s+(?:WORK|TRANSACTION))?\s+TO\b)|PREPARE\s+TRANSACTION\b", re.IGNORECASE
)
_END = re.compile(r"END\b", re.IGNORECASE)


def guard(connection: Connection) -> None:
    """Let the server refuse to commit this transaction.

    A rollback it can't refuse: what follows it is another transaction.
    """
    for statement in (*read_functions("alembic_cascade.rehearsal", ("guard",)), *GUARD):
        connection.execute(verbatim(statement))


def is_refused_commit(error: BaseException) -> bool:
    """Whether the server refused to commit."""
    return SAID in str(error)


def ends_transaction(statement: str) -> bool:
    """Whether one of the statements in this text ends a transaction, be it by a rollback.

    A simple query of many parts goes on after a ROLLBACK, and commits what follows.
    """
    parts = [part.strip() for part in _bare(statement).split(";")]
    # At another place, END closes the body of a function.
    return bool(_END.match(parts[0])) or any(_ENDS.match(part) for part in parts)


def _bare(statement: str) -> str:
    """The text without comments, strings and quoted names."""
    text = _ASIDE.sub(lambda found: " " if found[0].startswith("--") else " '' ", statement)
    while (less := _COMMENT.sub(" ", text)) != text:
        text = less
    return text
