"""Which of env.py's errors mean that there was no connection: they alone are worth another try."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError

# Connection exceptions, refused roles, unknown databases, too many connections, a server that starts or stops:
# https://www.postgresql.org/docs/current/errcodes-appendix.html
STATES = ("08", "28", "3D000", "53300", "57P01", "57P02", "57P03")

ABOUT_THE_NETWORK = (ConnectionError, TimeoutError, socket.gaierror)


def refused_connection(error: BaseException) -> str | None:
    """What the driver says of a connection that could not be made, in one line; None for every other error."""
    for cause in _causes(error):
        if isinstance(cause, DBAPIError):
            # What fails with a statement has had its connection.
            return None if cause.statement is not None else _in_one_line(cause.orig or cause)
        state = getattr(cause, "sqlstate", None)
        # asyncpg's own errors are not SQLAlchemy's while a connection is made; of several addresses that all refuse,
        # asyncio makes a bare OSError.
        known = isinstance(cause, ABOUT_THE_NETWORK) or type(cause) is OSError
        if known or (isinstance(state, str) and state.startswith(STATES)):
            return _in_one_line(cause)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
