"""Connections that env.py and revisions make, led to another database; one that leads elsewhere is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, Pool
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from alembic_cascade.errors import RehearsalRefused
from alembic_cascade.rehearsal.addresses import PLACES, Address, close_pool, identity_of
from alembic_cascade.rehearsal.listeners import listening

MARK = "alembic_cascade.rehearsal"

BY_ITSELF = "Rehearse with --rollback, or let env.py take its engine from SQLAlchemy's create_engine() without creator."


@contextmanager
def diverted(address: Address, identity: str) -> Iterator[None]:
    """Lead each connection to PostgreSQL that is made meanwhile to the database at ``address``.

    None is handed out that was not made so, and found to lead there: a connection that a pool has kept from before, one
    that a ``creator`` makes, one to another kind of database.
    Errors, raised where the connection is asked for: :exc:`.RehearsalRefused`.
    """
    diversion = _Diversion(address, identity)
    listeners = (
        (Engine, "do_connect", diversion.lead),
        (Pool, "connect", diversion.mark),
        (Pool, "checkout", diversion.check_out),
        (Engine, "engine_connect", diversion.check),
        (Engine, "before_cursor_execute", diversion.check),
    )
    try:
        with listening(*listeners):
            yield
    finally:
        diversion.end()


class _Diversion:
    """Where connections lead meanwhile, and which there are."""

    def __init__(self, address: Address, identity: str) -> None:
        self._address = address
        self._identity = identity
        self._as_before: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._engines: set[Engine] = set()

    def lead(
        self, dialect: Dialect, _entry: ConnectionPoolEntry, _arguments: list[Any], parameters: dict[str, Any]
    ) -> None:
        """Change what a connection is made with: where it leads, and what the address has more."""
        _check_kind(dialect)
        self._as_before.append((parameters, dict(parameters)))
        for name in PLACES & parameters.keys():
            del parameters[name]
        given = self._address.parameters_for(dialect).items()
        parameters.update({name: value for name, value in given if name in PLACES or name not in parameters})

    def mark(self, connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        """Ask a connection where it leads, before anybody uses it."""
        if identity_of(connection) != self._identity:
            raise RehearsalRefused(
                "env.py makes connections that can't be led to another database, and nothing was run", BY_ITSELF
            )
        entry.info[MARK] = self._identity

    def check_out(self, _connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: object) -> None:
        """Let nobody have one that was not asked, nor the driver's own."""
        self._check_asked(entry.info)

    def check(self, connection: Connection, *_statement: object) -> None:
        """The same of one that somebody has already."""
        _check_kind(connection.dialect)
        self._engines.add(connection.engine)
        self._check_asked(connection.info)

    def _check_asked(self, info: Mapping[Any, Any]) -> None:
        if info.get(MARK) != self._identity:
            raise RehearsalRefused(
                "env.py or a revision uses a connection that was made before the rehearsal, and nothing was run on it",
                "Let it connect anew (poolclass=NullPool), or rehearse with --rollback.",
            )

    def end(self) -> None:
        """Leave nothing that leads there."""
        for engine in self._engines:
            close_pool(engine)
        # SQLAlchemy 2.0 makes all connections of an engine with one dictionary.
        for parameters, before in self._as_before:
            parameters.clear()
            parameters.update(before)


def _check_kind(dialect: Dialect) -> None:
    if dialect.name != "postgresql":
        raise RehearsalRefused(
            f"env.py or a revision connects to {dialect.name} as well, of which there is no copy",
            "Rehearse without it.",
        )
