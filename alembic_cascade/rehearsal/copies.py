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

DOES_NOT_EXIST = "3D000"
IN_USE = "55006"
NO_RIGHT = "42501"

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
    try:
        maintenance.run(lambda connection: _make(connection, source, name))
        yield address.of_database(name)
    finally:
        with not_ended_by_signals():
            maintenance.run(lambda connection: _drop(connection, name))


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
        # PostgreSQL itself takes apart what is a list: search_path is one.
        given = f"{quote_literal(parameter)}, {quote_literal(value)}, false"
        connection.execute(verbatim(f"SELECT pg_catalog.set_config({given})"))
        quoted = ".".join(map(quote_identifier, parameter.split(".")))
        connection.execute(verbatim(f"ALTER DATABASE {copy} SET {quoted} FROM CURRENT"))


def _drop(connection: Connection, name: str) -> None:
    # FORCE ends the sessions that an interrupted run has left on it.
    drop = f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)"
    try:
        connection.execute(verbatim(drop))
    except DBAPIError as error:
        raise CascadeError(f"The copy could not be dropped: {message(error)}. Do it by hand: {drop}") from error


_INSTEAD = "Rehearse on a copy of your own (--into URL), or on the database itself (--rollback)."


def _instead(database: str) -> str:
    return (
        f"Rehearse on the database itself by --rollback, or on a copy of your own: pg_dump -Fc -f copy.dump {database} "
        f"&& createdb {database}_copy && pg_restore -d {database}_copy copy.dump, and --into its URL."
    )
