"""How connections to a database are made, learnt from those that env.py makes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Dialect, Engine, NullPool, create_engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from alembic_cascade.rehearsal.listeners import listening
from alembic_cascade.sql.quoting import verbatim

Result = TypeVar("Result")

# Where a connection keeps its address.
NOTE = "alembic_cascade.address"

# What a connection is made with that says where it leads, and as whom; all else goes along to another database.
PLACES = frozenset(
    {"conninfo", "database", "dbname", "dsn", "host", "hostaddr", "passfile", "password", "port", "service"}
    | {"unix_sock", "user"}
)

# One database of one server, until the server is started again.
IDENTITY = (
    "SELECT pg_catalog.concat_ws(' ', extract(epoch FROM pg_catalog.pg_postmaster_start_time()), oid) "
    "FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()"
)


@dataclass(frozen=True)
class Address:
    """What a driver is called with; ``driver`` is the dialect's and the driver's name, as a URL has them."""

    dialect: Dialect = field(repr=False, compare=False)
    parameters: Mapping[str, Any] = field(repr=False)

    @property
    def driver(self) -> str:
        return f"{self.dialect.name}+{self.dialect.driver}"

    def of_database(self, name: str) -> Address:
        """The same server, another database."""
        return replace(self, parameters={**self.parameters, **self._named(database=name)})

    def at(self, url: URL) -> Address:
        """Where ``url`` leads, with what says nothing of the place left as it is."""
        _, given = self.dialect.create_connect_args(url)
        kept = {name: value for name, value in self.parameters.items() if name not in PLACES}
        return replace(self, parameters={**kept, **given})

    def parameters_for(self, _dialect: Dialect) -> Mapping[str, Any]:
        """What a connection of that dialect is to be made with: env.py makes all of its own by one driver."""
        return self.parameters

    def _named(self, database: str) -> Mapping[str, Any]:
        """What this driver calls the database."""
        _, given = self.dialect.create_connect_args(URL.create(self.driver, database=database))
        return {name: value for name, value in given.items() if value == database}

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do work on a connection that commits each statement by itself, and close it."""
        if not self.dialect.is_async:
            engine = create_engine(f"{self.driver}://", connect_args=dict(self.parameters), poolclass=NullPool)
            with engine.connect() as connection:
                return work(connection.execution_options(isolation_level="AUTOCOMMIT"))

        # greenlet, which it needs, is there where an asynchronous driver is used.
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415

        async def wait_for_it() -> Result:
            engine = create_async_engine(f"{self.driver}://", connect_args=dict(self.parameters), poolclass=NullPool)
            async with engine.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                return await connection.run_sync(work)

        return in_a_thread(lambda: asyncio.run(wait_for_it()))

    def identity(self) -> str:
        """What no other database has."""
        return self.run(lambda connection: str(connection.scalar(verbatim(IDENTITY))))


def in_a_thread(work: Callable[[], Result]) -> Result:
    """The result of work that can't be done where a loop runs already, as in a test of asyncio."""
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def identity_of(connection: DBAPIConnection) -> str:
    """What no other database has, asked of the driver's own connection."""
    cursor = connection.cursor()
    try:
        cursor.execute(IDENTITY)
        row = cursor.fetchone()
    finally:
        cursor.close()
    connection.rollback()
    assert row is not None
    return str(row[0])


@contextmanager
def noted_addresses() -> Iterator[None]:
    """Let connections to PostgreSQL that are made meanwhile know what they were made with, and stay in no pool."""
    engines: set[Engine] = set()

    def note(dialect: Dialect, entry: ConnectionPoolEntry, _arguments: list[Any], parameters: dict[str, Any]) -> None:
        # As it is, not a copy: what others do to it before it is used counts.
        entry.info[NOTE] = Address(dialect, parameters)

    def see(connection: Connection) -> None:
        engines.add(connection.engine)

    try:
        with listening((Engine, "do_connect", note), (Engine, "engine_connect", see)):
            yield
    finally:
        for engine in engines:
            close_pool(engine)


def address_of(connection: Connection) -> Address | None:
    """What a connection was made with, None where that is not known."""
    found: Address | None = connection.info.get(NOTE)
    return found


def close_pool(engine: Engine) -> None:
    """Let no connection of an engine stay open that nobody uses."""
    if engine.dialect.is_async:
        from sqlalchemy.ext.asyncio import AsyncEngine  # noqa: PLC0415 - as above

        in_a_thread(lambda: asyncio.run(AsyncEngine(engine).dispose()))
    else:
        engine.dispose()
