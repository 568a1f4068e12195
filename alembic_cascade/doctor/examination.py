"""All checks in their order: those of the project, then those of each of its databases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import message
from alembic_cascade.doctor import half_way, kept_rows, keys, log_lines, modules, rights, row_security, server, wired
from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.outcome import Outcome, Verdict, not_checked
from alembic_cascade.sql.quoting import verbatim

CONNECTION = "connection"

OF_PROJECT = (wired.CHECK, modules.CHECK, log_lines.CHECK)

OF_DATABASE: Mapping[str, Callable[[Examined], list[Outcome]]] = MappingProxyType(
    {
        server.CHECK: server.server,
        rights.CHECK: rights.rights,
        row_security.CHECK: row_security.row_security,
        kept_rows.CHECK: kept_rows.kept_rows,
        keys.CHECK: keys.keys,
        half_way.INDEXES: half_way.indexes,
        half_way.STOPPED: half_way.stopped,
    }
)

CHECKS = (*OF_PROJECT, CONNECTION, *OF_DATABASE)

# They look at the tables of the models, and there are none to look at.
OF_MODELS = (rights.CHECK, row_security.CHECK)


def examination(examined: Examined, skipped: Collection[str], begin: Callable[[str], None]) -> list[Outcome]:
    """What the checks of a database come to, but for those that are ``skipped``; ``begin`` is told of each.

    Nothing is changed: each check has a read-only transaction, or where env.py has begun one, a part of it.
    """
    found: list[Outcome] = []
    for name, check in OF_DATABASE.items():
        begin(name)
        if name in skipped:
            found += not_checked([name], "--skip")
        elif name in OF_MODELS and not examined.metadatas:
            found += not_checked([name], "env.py gives no models")
        else:
            found += _asked(examined, name, check)
        if name == server.CHECK and any(one.verdict is Verdict.TO_DO for one in found):
            return [*found, *not_checked([other for other in OF_DATABASE if other != name], found[-1].said)]
    return found


def _asked(examined: Examined, name: str, check: Callable[[Examined], list[Outcome]]) -> list[Outcome]:
    try:
        with _read_only(examined.connection):
            return check(examined)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        said = f"it could not be looked at: {message(error)}"
        return [Outcome(name, Verdict.TO_DO, said, "Let a role ask that may, such as the owner of the tables.")]


@contextmanager
def _read_only(connection: Connection) -> Iterator[None]:
    """A part of the transaction in which nothing can be written, and which leaves no setting behind.

    https://www.postgresql.org/docs/current/sql-set-transaction.html
    """
    # All drivers call it that; SQLAlchemy asks the server, which does not know.
    if getattr(connection.connection.dbapi_connection, "autocommit", False):
        # There is no transaction to be a part of, and nothing that outlasts a statement.
        yield
        return
    with connection.begin_nested() as part:
        connection.execute(verbatim("SET TRANSACTION READ ONLY"))
        yield
        part.rollback()
