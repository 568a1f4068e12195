"""Databases that a command is not to touch, by patterns of their hosts and names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from alembic_cascade.errors import CascadeError
from alembic_cascade.sql.quoting import verbatim

Command = TypeVar("Command", bound=Callable[..., Any])

VARIABLE = "ALEMBIC_CASCADE_PROTECT"

_PLACE = "SELECT pg_catalog.current_database() AS name, pg_catalog.host(pg_catalog.inet_server_addr()) AS address"


def protection_options(command: Command) -> Command:
    """``--protect PATTERN`` and ``--allow-protected``."""
    protect = click.option(
        "--protect",
        multiple=True,
        metavar="PATTERN",
        callback=_with_those_of_the_environment,
        help="Refuse databases whose host, name or host/name matches the glob, or one of those in "
        f"{VARIABLE}. May be given several times.",
    )
    allow = click.option("--allow-protected", is_flag=True, help="Go on where --protect would refuse.")
    return protect(allow(command))


def _with_those_of_the_environment(
    _context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    # An option must not take away what protects a whole machine.
    return (*given, *os.environ.get(VARIABLE, "").split())


def check_unprotected(connection: Connection, patterns: Sequence[str]) -> None:
    """Refuse to go on in a database that one of the patterns means.

    A host is what the connection's address says, and the address that the server itself has. Case makes no difference.
    Errors: :exc:`.CascadeError`.
    """
    if not patterns:
        return
    place = connection.execute(verbatim(_PLACE)).one()
    name = str(place.name)
    hosts = [*_hosts(connection), *([str(place.address)] if place.address else [])]
    for pattern in patterns:
        for known in (name, *hosts, *(f"{host}/{name}" for host in hosts)):
            if fnmatchcase(known.lower(), pattern.lower()):
                raise CascadeError(
                    f"The database {known} is protected by {pattern!r}. Nothing was done. Say --allow-protected if it "
                    "is meant; all would be rolled back, but triggers fire, and rows are locked for a moment."
                )


def _hosts(connection: Connection) -> Iterator[str]:
    """The hosts that the address names, in any of its places."""
    url = connection.engine.url
    given = url.query.get("host", ())
    for text in (url.host or "", *((given,) if isinstance(given, str) else given)):
        for host in text.split(","):
            yield from filter(None, {host, host.rpartition(":")[0] if host.count(":") == 1 else host})
