"""``logger``: whether what migrations say is shown."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from alembic_cascade.doctor.log_lines import log_lines


@pytest.fixture
def loggers(own_logging: None) -> Iterator[tuple[logging.Logger, logging.Logger]]:
    """The root's and Alembic's, without any handler."""
    root, alembic, own = map(logging.getLogger, ("", "alembic", "alembic.cascade"))
    for logger in (root, alembic, own):
        logger.handlers[:] = []
        logger.setLevel(logging.NOTSET)
        logger.disabled = False
    root.setLevel(logging.WARNING)
    yield root, alembic
    alembic.propagate = True


def verdict() -> str:
    (found,) = log_lines()
    return found.verdict.value


def test_alembics_own_configuration(loggers: tuple[logging.Logger, logging.Logger]) -> None:
    """Alembic's level, and the root's handler."""
    root, alembic = loggers
    root.addHandler(logging.StreamHandler())
    alembic.setLevel(logging.INFO)
    assert verdict() == "ok"


def test_what_hides_it(loggers: tuple[logging.Logger, logging.Logger]) -> None:
    """No handler, a handler for more important lines, a higher level, a logger that is kept from the root."""
    root, alembic = loggers
    alembic.setLevel(logging.INFO)
    # Those that pytest adds for the test itself.
    root.handlers[:] = []
    assert verdict() == "to do"
    handler = logging.StreamHandler()
    root.addHandler(handler)
    handler.setLevel(logging.WARNING)
    assert verdict() == "to do"
    handler.setLevel(logging.INFO)
    assert verdict() == "ok"
    alembic.setLevel(logging.WARNING)
    assert verdict() == "to do"
    alembic.setLevel(logging.INFO)
    alembic.propagate = False
    assert verdict() == "to do"


def test_a_logger_that_fileconfig_switched_off(loggers: tuple[logging.Logger, logging.Logger]) -> None:
    """As it does with all that the file does not name."""
    root, alembic = loggers
    root.addHandler(logging.StreamHandler())
    alembic.setLevel(logging.INFO)
    logging.getLogger("alembic.cascade").disabled = True
    (found,) = log_lines()
    assert found.said.startswith("the logger alembic.cascade is switched off by env.py: ")
