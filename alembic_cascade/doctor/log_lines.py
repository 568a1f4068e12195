"""Whether what migrations say is seen: the logger ``alembic.cascade``, as env.py has set up logging."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from alembic_cascade.doctor.outcome import Outcome, Problem, outcomes

CHECK = "logger"
LOGGER = "alembic.cascade"


def log_lines() -> list[Outcome]:
    """Whether a line of level INFO is shown by now; env.py has run."""
    return outcomes(CHECK, _problems(logging.getLogger(LOGGER)), f"{LOGGER} is shown from INFO on")


def _problems(logger: logging.Logger) -> Iterator[Problem]:
    if logger.isEnabledFor(logging.INFO) and any(handler.level <= logging.INFO for handler in _handlers(logger)):
        return
    reason = "switched off by env.py" if logger.disabled else "shown from WARNING on at best"
    yield Problem(
        f"the logger {LOGGER} is {reason}: what is done with orphans, and how far it has come, is not seen",
        "Give the logger alembic the level INFO in alembic.ini, as Alembic's template does: [logger_alembic] with "
        "level = INFO and qualname = alembic, named by [loggers], and a handler that shows it.",
    )


def _handlers(logger: logging.Logger) -> Iterator[logging.Handler]:
    """Those that a line of the logger comes to."""
    above: logging.Logger | None = logger
    while above is not None:
        yield from above.handlers
        above = above.parent if above.propagate else None
