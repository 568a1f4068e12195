"""A copy of a database, gone again at the end, whatever the end is."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import detail, message, sqlstate
from alembic_cascade.errors import CascadeError, RehearsalRefused
from alembic_cascade.rehearsal.addresses import Address
from alembic_cascade.signals import not_ended_by_signals
from alembic_cascade.sql.quoting import quote_identifier, quote_literal, verbatim

log = logging.getLogger("alembic.cascade")

# Databases that are there to be connected to while another one is made.
MAINTENANCE = ("postgres", "template1")

# For a session to end that makes a copy.
MILLISECONDS_TO_END = 60_000

DOES_NOT_EXIST = "3D000"
IN_USE = "55006"
NO_RIGHT = "42501"

# The settings that are lists of names (GUC_LIST_QUOTE), as pg_dump knows them: variable_is_guc_list_quote().
LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)

SETTINGS = """
SELECT setting FROM pg_catalog.pg_db_role_setting
JOIN pg_catalog.pg_database ON pg_database.oid = setdatabase, pg_catalog.unnest(setconfig) AS setting
WHERE datname = {database} AND setrole = 0
"""


@dataclass(frozen=True)
class Source:
    """The database that is copied, and its size in words."""

    database: str
    size: str


def source_at(address: Address) -> Source:
    """What is to be copied."""
    asked = verbatim(
        "SELECT pg_catalog.current_database(), "
        "pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(pg_catalog.current_database()))"
    )
    return address.run(lambda connection: Source(*connection.execute(asked).one()))


@contextmanager
def copy_of(source: Source, address: Address) -> Iterator[Address]:
    """Make a copy by ``CREATE DATABASE ... TEMPLATE``, with the settings of the database, and drop it at the end.

    The owner is who makes it, and rights on the database itself are not copied:
    https://www.postgresql.org/docs/current/manage-ag-templatedbs.html

    Errors: :exc:`.RehearsalRefused` where others are connected, or the right is missing.
    """
    name = f"alembic_cascade_rehearsal_{secrets.token_hex(6)}"
    maintenance = _maintenance(address)
    log.info("copying %s (%s) to %s", source.database, source.size, name)
    making = _Making(source, name)
    try:
        maintenance.run(making.make)
        yield address.of_database(name)
    finally:
        with not_ended_by_signals():
            making.drop(maintenance)


def _maintenance(address: Address) -> Address:
    for database in MAINTENANCE:
        other = address.of_database(database)
        try:
            other.identity()
        except DBAPIError as error:
            refused = message(error)
        else:
            return other
    raise RehearsalRefused(
        f"Neither {' nor '.join(MAINTENANCE)} could be connected to, from where a copy is made: {refused}", _INSTEAD
    )


def _make(connection: Connection, source: Source, name: str) -> None:
    copy, template = quote_identifier(name), quote_identifier(source.database)
    try:
        connection.execute(verbatim(f"CREATE DATABASE {copy} TEMPLATE {template}"))
    except DBAPIError as error:
        said = ", ".join(filter(None, (message(error), detail(error).rstrip("."))))
        if sqlstate(error) == IN_USE:
            raise RehearsalRefused(
                f"PostgreSQL copies a database only while nobody is connected to it: {said}", _instead(source.database)
            ) from error
        if sqlstate(error) == NO_RIGHT:
            raise RehearsalRefused(
                f"This role may not copy {source.database}: {said}. It needs CREATEDB, and has to own the database",
                _instead(source.database),
            ) from error
        raise
    for setting in connection.scalars(verbatim(SETTINGS.format(database=quote_literal(source.database)))).all():
        parameter, _, value = setting.partition("=")
        _set(connection, copy, parameter, value)


def _set(connection: Connection, copy: str, parameter: str, value: str) -> None:
    """Give the copy a setting of the database, which is not this session's meanwhile."""
    # A list is written down as SQL would have it.
    given = (value or "''") if parameter in LISTS else quote_literal(value)
    quoted = ".".join(map(quote_identifier, parameter.split(".")))
    try:
        connection.execute(verbatim(f"ALTER DATABASE {copy} SET {quoted} TO {given}"))
    except DBAPIError as error:
        if sqlstate(error) != NO_RIGHT:
            raise
        log.warning("the copy has no setting %s: %s", parameter, message(error))


class _Making:
    """A copy, which may be given up while another thread waits for it to be made."""

    def __init__(self, source: Source, name: str) -> None:
        self._source = source
        self._name = name
        self._pid: int | None = None
        self._is_given_up = False

    def make(self, connection: Connection) -> None:
        """Let the session be known first, so that it can be ended."""
        self._pid = connection.scalar(verbatim("SELECT pg_catalog.pg_backend_pid()"))
        try:
            if not self._is_given_up:
                _make(connection, self._source, self._name)
        finally:
            self._pid = None

    def drop(self, maintenance: Address) -> None:
        """End who makes it still, and drop what is there.

        Errors: :exc:`.CascadeError`, with what is to be done by hand.
        """
        self._is_given_up = True
        # FORCE ends the sessions that an interrupted run has left on it.
        drop = f"DROP DATABASE IF EXISTS {quote_identifier(self._name)} WITH (FORCE)"

        def end_and_drop(connection: Connection) -> None:
            pid = self._pid
            if pid is not None:
                connection.execute(verbatim(f"SELECT pg_catalog.pg_terminate_backend({pid}, {MILLISECONDS_TO_END})"))
            connection.execute(verbatim(drop))

        try:
            maintenance.run(end_and_drop)
        except DBAPIError as error:
            raise CascadeError(f"The copy could not be dropped: {message(error)}. Do it by hand: {drop}") from error


_INSTEAD = "Rehearse on a copy of your own (--into URL), or on the database itself (--rollback)."


def _instead(database: str) -> str:
    return (
        f"Rehearse on the database itself by --rollback, or on a copy of your own: pg_dump -Fc -f copy.dump {database} "
        f"&& createdb {database}_copy && pg_restore -d {database}_copy copy.dump, and --into its URL."
    )
