"""What an error of any PostgreSQL driver says: its SQLSTATE, message, detail and hint."""

from __future__ import annotations

import re

from sqlalchemy.exc import DBAPIError


def sqlstate(error: DBAPIError) -> str | None:
    """The error's class and condition: https://www.postgresql.org/docs/current/errcodes-appendix.html ."""
    original = error.orig
    # psycopg and asyncpg say sqlstate, psycopg2 pgcode, pg8000 has a dictionary of the protocol's fields.
    state = getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or _field(error, "C")
    return str(state) if state else None


def message(error: DBAPIError) -> str:
    """The primary message."""
    return _diagnostic(error, "message_primary") or _field(error, "M") or _first_line(error)


def detail(error: DBAPIError) -> str:
    """The detail, empty where there is none."""
    return _diagnostic(error, "message_detail") or _field(error, "D") or _labelled(error, "DETAIL")


def hint(error: DBAPIError) -> str:
    """The hint, empty where there is none."""
    return _diagnostic(error, "message_hint") or _field(error, "H") or _labelled(error, "HINT")


def constraint(error: DBAPIError) -> str:
    """The constraint that it is about, empty where there is none."""
    return _diagnostic(error, "constraint_name") or _field(error, "n") or ""


def column(error: DBAPIError) -> tuple[str, str, str] | None:
    """The schema, the table and the column that it is about, if it is about one."""
    fields = (("schema_name", "s"), ("table_name", "t"), ("column_name", "c"))
    schema, table, name = (_diagnostic(error, field) or _field(error, code) for field, code in fields)
    return (schema, table, name) if schema and table and name else None


def table(error: DBAPIError) -> tuple[str, str] | None:
    """The schema and the name of the table that it is about, if it is about one."""
    schema, name = (_diagnostic(error, f"{field}_name") or _field(error, field[0]) for field in ("schema", "table"))
    return (schema, name) if schema and name else None


def _diagnostic(error: DBAPIError, name: str) -> str | None:
    # asyncpg's own error stands behind the one that SQLAlchemy makes of it.
    behind = getattr(error.orig.__cause__, name.removeprefix("message_"), None) if error.orig else None
    return getattr(getattr(error.orig, "diag", None), name, None) or behind


def _field(error: DBAPIError, code: str) -> str | None:
    arguments = getattr(error.orig, "args", ())
    fields = arguments[0] if arguments and isinstance(arguments[0], dict) else {}
    return fields.get(code)


def _first_line(error: DBAPIError) -> str:
    # asyncpg's message comes after the class that SQLAlchemy's adapter puts before it.
    return re.sub(r"^<class '[^']*'>: ", "", str(error.orig).partition("\n")[0])


def _labelled(error: DBAPIError, label: str) -> str:
    found = re.search(rf"^{label}:\s*(.*)$", str(error.orig), re.MULTILINE)
    return found.group(1) if found else ""
