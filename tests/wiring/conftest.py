"""What the tests of the wiring share: a place to run real projects in, and a second database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text


@pytest.fixture
def workplace(own_imports: Path, own_logging: None) -> Path:
    """An empty working directory, whose ``models`` nobody else imports."""
    return own_imports


@pytest.fixture
def second_engine(engine: Engine) -> Iterator[Engine]:
    """An engine on a second empty database of the same server."""
    name = f"{engine.url.database}_second"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        second = create_engine(engine.url.set(database=name), poolclass=NullPool)
        yield second
        second.dispose()
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
