"""Make of the empty tables a deployment of some years: ``python load.py``, the same rows in every run.

It lacks some of the legacy tables, and keeps the logins and devices of users who are gone.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Connection, column, create_engine, insert, table, text
from tables import KEYED_BY_USER, STAFF, TABLES

USERS = 6
ROWS_EACH = 3
ABSENT = ("user_health_conditions", "user_medications", "vitals", "vitals_categorized")
PRESENT = [each for each in TABLES if each not in ABSENT]
# How many rows are of users who are gone.
GONE = {"login_events": 5, "user_devices": 2}

Rows = dict[str, list[dict[str, Any]]]


def rows() -> Rows:
    """The rows of each table that there is, the users first."""
    users = range(1, USERS + 1)
    drawn: Rows = {
        "users": [{"email": f"user{user}@health.example", "hashed_password": f"$2b$12${user}"} for user in users]
    }
    for name in PRESENT:
        each = 1 if name in KEYED_BY_USER else ROWS_EACH
        drawn[name] = [_row(name, user, number) for user in users for number in range(each)]
        drawn[name] += [_row(name, USERS + 1 + number, number) for number in range(GONE.get(name, 0))]
    return drawn


def numbered() -> Rows:
    """Likewise, with the identifiers that the database gives them."""
    drawn = rows()
    drawn["users"] = [{"id": number, **row} for number, row in enumerate(drawn["users"], start=1)]
    return drawn


def _row(name: str, user: int, number: int) -> dict[str, Any]:
    staff = {STAFF[name]: 1 + user % USERS if number else None} if name in STAFF else {}
    return {"user_id": user, "note": f"{number}", **staff}


def load(connection: Connection) -> int:
    """Drop what this deployment lacks, and insert all rows; returns how many there are."""
    for name in ABSENT:
        connection.execute(text(f"DROP TABLE {name}"))
    drawn = rows()
    for name, values in drawn.items():
        connection.execute(insert(table(name, *map(column, values[0]))), values)
    return sum(map(len, drawn.values()))


if __name__ == "__main__":
    engine = create_engine(os.environ["DATABASE_URL"])
    with engine.begin() as opened:
        print(f"{load(opened):,} rows loaded")
