"""What stands in the way of a proof, in words."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from alembic_cascade.dbapi_errors import detail, message

# https://www.postgresql.org/docs/current/errcodes-appendix.html
FOREIGN_KEY_VIOLATIONS = {"23503", "23001"}
UNIQUE_VIOLATIONS = {"23505", "23P01"}
CHECK_VIOLATION = "23514"
# Classes of errors that are no matter of the rows: rights, locks, what somebody stopped, and the like.
NO_ANSWERS = {"08", "25", "40", "42", "53", "54", "55", "57", "58"}


class CannotMake(Exception):  # noqa: N818 - no error of the program: a proof ends with it as its reason
    """A row can't be made, or what becomes of it can't be told; the text says why."""


class NeedsSavepoints(Exception):  # noqa: N818 - likewise
    """A statement failed after which the work could only go on from a savepoint, and there was none."""


class SessionRefused(Exception):  # noqa: N818 - likewise
    """SQLAlchemy itself refuses to delete an object."""


def said(error: DBAPIError) -> str:
    """What PostgreSQL says, in one line."""
    return " ".join(" ".join(filter(None, (message(error), detail(error)))).split())


def is_of_sqlalchemy(error: Exception) -> bool:
    """Whether SQLAlchemy itself says so: what its hooks call, such as a listener, raises the same errors."""
    raised = error.__traceback__
    while raised is not None and raised.tb_next is not None:
        raised = raised.tb_next
    module = "" if raised is None else str(raised.tb_frame.f_globals.get("__name__"))
    return isinstance(error, SQLAlchemyError | AssertionError) and module.partition(".")[0] == "sqlalchemy"
