"""The server of the tests, and databases that are made on it and gone again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from sqlalchemy import URL, Connection, Dialect
from sqlalchemy.exc import DBAPIError

from alembic_cascade.dbapi_errors import message
from alembic_cascade.embedded import embedded_server
from alembic_cascade.errors import CascadeError
from alembic_cascade.rehearsal.addresses import Address
from alembic_cascade.signals import interrupted_by_kills, not_ended_by_signals
from alembic_cascade.sql.quoting import quote_identifier, verbatim

# Drivers that wait for the server, the first one that there is.
DRIVERS = ("psycopg", "psycopg2", "pg8000")
PREFIX = "alembic_cascade_test_"
# Nothing has to outlast the tests.
CARELESS = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class Named(Address):
    """What a URL leads to; every driver can be told how to get there."""

    url: URL = field(kw_only=True)

    @classmethod
    def by(cls, url: URL) -> Named:
        """What the URL leads to, by its own driver, or one that waits where that one does not.

        Errors: :exc:`.CascadeError` where there is none.
        """
        if url.get_dialect().is_async:
            driver = next((name for name in DRIVERS if find_spec(name) is not None), None)
            if driver is None:
                raise CascadeError(
                    "A synchronous driver is needed, which is missing: pip install alembic-cascade[psycopg]"
                )
            url = _for_driver(url, driver)
        dialect = url.get_dialect()()
        _, parameters = dialect.create_connect_args(url)
        return cls(dialect, parameters, url=url)

    def parameters_for(self, dialect: Dialect) -> Mapping[str, Any]:
        if dialect.driver == self.dialect.driver:
            return self.parameters
        _, parameters = dialect.create_connect_args(_for_driver(self.url, dialect.driver))
        return parameters


def _for_driver(url: URL, driver: str) -> URL:
    """The same place for another driver, which knows nothing of the first one's settings."""
    host, port = url.query.get("host"), url.query.get("port")
    if driver == "pg8000" and isinstance(host, str) and host.startswith("/"):
        return url.set(drivername=f"postgresql+{driver}", query={"unix_sock": f"{host}/.s.PGSQL.{port or 5432}"})
    place = {name: value for name, value in url.query.items() if name in {"host", "port"}}
    return url.set(drivername=f"postgresql+{driver}", query=place)


@dataclass(frozen=True)
class Server:
    """A server, known by one of its databases, which is never changed."""

    url: URL

    @contextmanager
    def database(self, template: URL | None = None) -> Iterator[URL]:
        """A new database, empty or as another one is to which nobody is connected; it is dropped at the end.

        Errors: :exc:`.CascadeError` where it can't be made.
        """
        name = f"{PREFIX}{secrets.token_hex(6)}"
        made = f"CREATE DATABASE {quote_identifier(name)}"
        if template is not None:
            made += f" TEMPLATE {quote_identifier(str(template.database))}"
        try:
            self._execute(made)
        except DBAPIError as error:
            raise CascadeError(
                f"No scratch database could be made: {message(error)}. --alembic-cascade-url has to name a server that "
                "is there, and a role that has CREATEDB."
            ) from error
        try:
            yield self.url.set(database=name)
        finally:
            with not_ended_by_signals():
                # FORCE ends what a test has left connected.
                self._execute(f"DROP DATABASE IF EXISTS {quote_identifier(name)} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        def work(connection: Connection) -> None:
            connection.execute(verbatim(statement))

        Named.by(self.url).run(work)


@contextmanager
def started_server() -> Iterator[Server]:
    """An embedded server of one's own, which begins empty and is gone at the end.

    Errors: :exc:`.CascadeError` where the extra is missing, or it does not start.
    """
    settings = {name: value for name, value in os.environ.items() if name.startswith(("PG", "PSQL"))}
    with embedded_server() as embedded, interrupted_by_kills():
        # The tests' own connections may need what is kept from the server.
        os.environ.update(settings)
        server = Server(embedded.url("postgres").update_query_dict({"port": "5432"}))
        for setting in CARELESS:
            server._execute(f"ALTER SYSTEM SET {setting} = off")  # noqa: SLF001 - its own kind
        server._execute("SELECT pg_catalog.pg_reload_conf()")  # noqa: SLF001 - likewise
        yield server
