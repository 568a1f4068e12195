"""Fill the empty tables: ``python load.py``, the same rows in every run.

A session is gone, and so are two tickets of others. What nobody kept the references of is still there without them: the
files and the log of that session, and errors that name those tickets.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, column, create_engine, insert, table

SESSIONS = 6
FILES_EACH = 3
TICKETS_EACH = 8
ERRORS_EACH = 4
EVENTS_EACH = 5

GONE_SESSION = SESSIONS
# By their number: the first of the first two sessions.
GONE_TICKETS = (1, 1 + TICKETS_EACH)

# Each table has a digit of its own.
_TABLES = {
    "sessions": 1,
    "jira_auth_tokens": 2,
    "session_tasks": 3,
    "session_validations": 4,
    "jira_project_context": 5,
    "audit_log": 6,
    "uploaded_files": 7,
    "tickets": 8,
    "attachments": 9,
    "ticket_dependencies": 10,
    "session_errors": 11,
}

Rows = dict[str, list[dict[str, Any]]]


def known(table_name: str, number: int) -> UUID:
    """The identifier of a row, the same in every run."""
    return UUID(int=(_TABLES[table_name] << 64) + number)


def rows() -> Rows:
    """The rows of each table, parents before children, without those who are gone."""
    drawn: Rows = {name: [] for name in _TABLES}
    drawn["jira_auth_tokens"] = [{"jira_user_id": f"user-{number}"} for number in range(1, 4)]
    for session in range(1, SESSIONS + 1):
        _draw_logs(drawn, session)
        if session != GONE_SESSION:
            _draw_session(drawn, session)
    return drawn


def _draw_logs(drawn: Rows, session: int) -> None:
    """What stays when a session goes, for no key keeps it."""
    owner = {"session_id": known("sessions", session)}
    _add(drawn, "uploaded_files", *(owner for _ in range(FILES_EACH)))
    _add(drawn, "audit_log", *(owner for _ in range(EVENTS_EACH)), {"session_id": None})


def _draw_session(drawn: Rows, session: int) -> None:
    owner = {"session_id": known("sessions", session)}
    drawn["sessions"].append({"id": owner["session_id"]})
    for table_name in ("session_tasks", "session_validations", "jira_project_context"):
        drawn[table_name].append(owner)
    first = (session - 1) * TICKETS_EACH + 1
    tickets = [known("tickets", first + place) for place in range(TICKETS_EACH) if first + place not in GONE_TICKETS]
    drawn["tickets"].extend({"id": ticket, **owner} for ticket in tickets)
    _add(drawn, "attachments", *({"ticket_id": ticket, **owner} for ticket in tickets[::2]))
    drawn["ticket_dependencies"].extend(
        {"ticket_id": later, "depends_on_ticket_id": earlier} for earlier, later in pairwise(tickets)
    )
    _add(drawn, "session_errors", *(_error(session, first + place, owner) for place in range(ERRORS_EACH)))


def _error(session: int, ticket: int, owner: dict[str, Any]) -> dict[str, Any]:
    """About a ticket, which may be gone, and every other one about a file."""
    file = known("uploaded_files", (session - 1) * FILES_EACH + 1) if ticket % 2 else None
    return {"related_ticket_id": known("tickets", ticket), "related_file_id": file, **owner}


def _add(drawn: Rows, table_name: str, *values: dict[str, Any]) -> None:
    first = len(drawn[table_name]) + 1
    drawn[table_name].extend({"id": known(table_name, first + place), **value} for place, value in enumerate(values))


def load(connection: Connection) -> int:
    """Insert all rows; returns how many there are."""
    drawn = rows()
    for name, values in drawn.items():
        connection.execute(insert(table(name, *map(column, values[0]))), values)
    return sum(map(len, drawn.values()))


if __name__ == "__main__":
    engine = create_engine(os.environ["DATABASE_URL"])
    with engine.begin() as opened:
        print(f"{load(opened):,} rows loaded")
