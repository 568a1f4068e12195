"""What the migration's author says to test after it, what is fixed, and what it is good for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from load import ABSENT, PRESENT
from models import User
from sqlalchemy import Connection, Engine, event, text
from storytelling import checking, differences, inspection
from storytelling.checking import session_on
from storytelling.rolling_back import rolled_back
from storytelling.stage import Stage
from tables import STAFF

A_USER = 3

# The author's own query, word for word.
CASCADING = """
SELECT
    tc.table_name,
    kcu.column_name,
    rc.delete_rule
FROM information_schema.table_constraints AS tc
JOIN information_schema.key_column_usage AS kcu
  ON tc.constraint_name = kcu.constraint_name
JOIN information_schema.referential_constraints AS rc
  ON rc.constraint_name = tc.constraint_name
JOIN information_schema.constraint_column_usage AS ccu
  ON ccu.constraint_name = tc.constraint_name
WHERE tc.constraint_type = 'FOREIGN KEY'
  AND ccu.table_name = 'users'
  AND rc.delete_rule = 'CASCADE'
ORDER BY tc.table_name
"""
ALL_KEYS = "SELECT count(*) FROM information_schema.referential_constraints"

NEW_USER = """
INSERT INTO users (email, hashed_password, is_active)
VALUES ('test_cascade_delete@example.com', '$2b$12$test', true)
RETURNING id
"""
AGGREGATES = ("vitals_daily_aggregates", "nutrition_daily_aggregates")


def criteria(stage: Stage) -> dict[str, str]:
    """What is against each of them."""
    engine = stage.engine
    share = 100 * len(PRESENT) // (len(PRESENT) + len(STAFF))
    return {
        f"Verify CASCADE is Applied: {len(PRESENT)} rows, {share} % of all keys": _in_a_transaction(engine, _cascading),
        "Test User Deletion: 1 and 1 before, 0 and 0 after": _in_a_transaction(engine, _test_user),
        "db.delete(user); db.commit(): all related tables cleaned up": checking.children_that_stay(
            engine, [(User, A_USER)], ABSENT
        ),
        "Legacy tables that do not exist are skipped": stage.narrator.problem_of("upgrade: a line for each"),
        "Rollback: alembic downgrade -1": stage.narrator.problem_of("downgrade: "),
        "Automatic - Database handles all deletions": _in_a_transaction(engine, _by_the_database),
        "Reliable - No orphaned records possible": checking.keys_that_let_anything_pass(engine),
        "Maintainable - New tables work automatically": stage.narrator.problem_of("policy: "),
        "Fast - Single delete operation": _in_a_transaction(engine, _single),
        "Correct - SQL standard best practice": _in_a_transaction(engine, _standard),
    }


def _in_a_transaction(engine: Engine, tried: Callable[[Connection], str]) -> str:
    with rolled_back(engine) as connection:
        return tried(connection)


def _cascading(connection: Connection) -> str:
    found = [(row.table_name, row.column_name) for row in connection.execute(text(CASCADING))]
    wanted = [(table, "user_id") for table in sorted(PRESENT)]
    keys = connection.scalar(text(ALL_KEYS))
    if sorted(found) != wanted:
        return f"{len(found)} rows, not {len(wanted)}"
    return "" if keys == len(PRESENT) + len(STAFF) else f"there are {keys} keys"


def _test_user(connection: Connection) -> str:
    user = connection.scalar(text(NEW_USER))
    for table in AGGREGATES:
        connection.execute(text(f"INSERT INTO {table} (user_id, date) VALUES (:user, '2025-10-20')"), {"user": user})

    def counts() -> list[int | None]:
        return [
            connection.scalar(text(f"SELECT count(*) FROM {table} WHERE user_id = :user"), {"user": user})
            for table in AGGREGATES
        ]

    before = counts()
    connection.execute(text("DELETE FROM users WHERE id = :user"), {"user": user})
    found = [*before, *counts()]
    return "" if found == [1, 1, 0, 0] else f"counted {found}"


def _by_the_database(connection: Connection) -> str:
    """One user goes, and of each table just what was the user's."""
    before = inspection.row_counts(connection)
    owned = {
        table: connection.execute(text(f"SELECT count(*) FROM {table} WHERE user_id = {A_USER}")).scalar_one()
        for table in PRESENT
    }
    connection.execute(text(f"DELETE FROM users WHERE id = {A_USER}"))
    after = inspection.row_counts(connection)
    orphans = inspection.orphans(connection, inspection.foreign_keys(connection))
    wrong = [differences.wrong_counts(before, {"users": 1, **owned}, after), differences.orphans_found(orphans)]
    wrong += [f"{table} had nothing to delete" for table, count in owned.items() if not count]
    return "; ".join(filter(None, wrong))


def _single(connection: Connection) -> str:
    """What SQLAlchemy sends for it."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    with session_on(connection) as session:
        user = session.get_one(User, A_USER)
        event.listen(connection, "before_cursor_execute", note)
        session.delete(user)
        session.flush()
        event.remove(connection, "before_cursor_execute", note)
    shown = "; ".join(" ".join(statement.split()) for statement in sent)
    return "" if len(sent) == 1 and sent[0].startswith("DELETE FROM users") else f"what is sent: {shown}"


def _standard(connection: Connection) -> str:
    """The standard's own view tells of every rule, and there is no trigger of anybody's."""
    triggers = connection.scalar(text("SELECT count(*) FROM information_schema.triggers"))
    rules = connection.scalars(
        text("SELECT DISTINCT delete_rule FROM information_schema.referential_constraints ORDER BY 1")
    ).all()
    if triggers:
        return f"{triggers} triggers have a part in it"
    return "" if rules == ["CASCADE", "SET NULL"] else f"rules are {', '.join(rules)}"
