"""Which errors are those of a connection that could not be made."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from alembic_cascade import CascadeError
from alembic_cascade.doctor.connecting import refused_connection

NOWHERE = "nobody@127.0.0.1:1/nothing"


def wrapped(error: Exception) -> CascadeError:
    """As the command line raises what env.py raised."""
    raised = CascadeError("env.py could not be run")
    raised.__cause__ = error
    return raised


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_server_that_is_not_there(driver: str) -> None:
    """The driver's words, in one line."""
    with pytest.raises(DBAPIError) as raised:
        create_engine(f"postgresql+{driver}://{NOWHERE}").connect()
    said = refused_connection(wrapped(raised.value))
    assert said is not None
    assert "refused" in said
    assert "\n" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_server_that_is_not_there_asynchronously(host: str) -> None:
    """Of one address, and of two."""

    async def connect() -> None:
        await create_async_engine(f"postgresql+asyncpg://{NOWHERE.replace('127.0.0.1', host)}").connect()

    with pytest.raises(OSError) as raised:  # noqa: PT011 - of which class is what is asked
        asyncio.run(connect())
    assert refused_connection(wrapped(raised.value)) is not None


def test_errors_of_env_py(url: URL) -> None:
    """A statement that fails, a file that is missing, a module that is not there: waiting changes nothing."""
    with create_engine(url, poolclass=NullPool).connect() as connection, pytest.raises(DBAPIError) as raised:
        connection.execute(text("SELECT nothing"))
    for error in (
        raised.value,
        FileNotFoundError("secrets.env"),
        ModuleNotFoundError("settings"),
        ValueError("no url"),
    ):
        assert refused_connection(wrapped(error)) is None
