"""Fill the empty tables: ``python load.py``, the same rows in every run.

A user is gone, and with the user nobody's boardroom and what was said in it.
"""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, column, create_engine, insert, table

USERS = 6
ROOMS_EACH = 2
SESSIONS_EACH = 3
THREADS_EACH = 4
# The last of them.
GONE = USERS

STATUS = ("active", "completed", "paused", "cancelled")
TYPES = ("discussion", "decision", "action_item", "note")

Rows = dict[str, list[dict[str, Any]]]


def known(kind: int, number: int) -> UUID:
    """The identifier of a row, the same in every run; tables are numbered from 1, parents before children."""
    return UUID(int=(kind << 64) + number)


def rows() -> Rows:
    """The rows of each table, parents before children, without who is gone."""
    drawn: Rows = {"users": [], "boardrooms": [], "sessions": [], "threads": []}
    for number in range(1, USERS + 1):
        if number != GONE:
            drawn["users"].append(_user(number))
        for _ in range(ROOMS_EACH):
            _draw_room(drawn, known(1, number))
    for session in list(drawn["sessions"]):
        _draw_threads(drawn, session["id"])
    return drawn


def _user(number: int) -> dict[str, Any]:
    return {
        "id": known(1, number),
        "email": f"user{number}@board.example.com",
        "hashed_password": f"$2b$12${number}",
        "full_name": f"User {number}",
        "is_active": True,
        "is_verified": number % 2 == 0,
    }


def _draw_room(drawn: Rows, owner: UUID) -> None:
    """A boardroom, and sessions in it, which the users hold by turns."""
    number = len(drawn["boardrooms"]) + 1
    room = {"id": known(2, number), "owner_id": owner, "name": f"Board {number}", "max_participants": 2 + number}
    drawn["boardrooms"].append({**room, "is_active": True})
    for _ in range(SESSIONS_EACH):
        place = len(drawn["sessions"]) + 1
        held = {"id": known(3, place), "boardroom_id": room["id"], "user_id": known(1, 1 + place % (USERS - 1))}
        drawn["sessions"].append({**held, "title": f"Session {place}", "status": STATUS[place % len(STATUS)]})


def _draw_threads(drawn: Rows, session: UUID) -> None:
    for _ in range(THREADS_EACH):
        place = len(drawn["threads"]) + 1
        said = {"id": known(4, place), "session_id": session, "user_id": known(1, 1 + place % USERS)}
        drawn["threads"].append(
            {**said, "type": TYPES[place % len(TYPES)], "priority": 1 + place % 5, "status": "active"}
        )


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
