"""What the tests of the wiring share: a place to run real projects in, and a second database."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Undo what the ``fileConfig`` of a real env.py does to the logging of the whole process."""
    root = logging.getLogger()
    loggers = [logger for logger in root.manager.loggerDict.values() if isinstance(logger, logging.Logger)]
    before = [(logger, logger.level, logger.disabled, logger.handlers[:]) for logger in [root, *loggers]]
    yield
    for logger, level, disabled, handlers in before:
        logger.setLevel(level)
        logger.disabled = disabled
        logger.handlers[:] = handlers


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> Iterator[Path]:
    """An empty working directory, whose ``models`` nobody else imports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    sys.modules.pop("models", None)
    # alembic.ini puts "." into sys.path, for which Python remembers the directory that it once was.
    sys.path_importer_cache.pop(".", None)


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
