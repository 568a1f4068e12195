"""The chapters in which a company is deleted: refused before the upgrade, by SQL and by the ORM after it."""

from __future__ import annotations

from typing import Any

from models import Company
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from storytelling import differences, inspection
from storytelling.rolling_back import rolled_back
from storytelling.stage import Stage

# Which company goes, and which rows of each table are its own.
COMPANY = 3
OWNED = {
    "companies": f"id = {COMPANY}",
    "users": f"company_id = {COMPANY}",
    "channels": f"company_id = {COMPANY}",
    "channel_members": f"channel_id IN (SELECT id FROM channels WHERE company_id = {COMPANY})",
    "chat_messages": f"company_id = {COMPANY}",
    "reactions": f"message_id IN (SELECT id FROM chat_messages WHERE company_id = {COMPANY})",
    "meetings": f"company_id = {COMPANY}",
    "meeting_participants": f"meeting_id IN (SELECT id FROM meetings WHERE company_id = {COMPANY})",
}
DELETE = f"DELETE FROM companies WHERE id = {COMPANY}"

Counts = dict[str, int]


def try_to_delete_a_company(stage: Stage) -> None:
    """What the drift means to the application."""
    stage.narrator.chapter("Delete a company, as the schema is now")
    print(DELETE)
    problem = ""
    with rolled_back(stage.engine) as connection:
        try:
            connection.execute(text(DELETE))
        except IntegrityError as error:
            print(f"  {str(error.orig).splitlines()[0]}\n")
        else:
            problem = "it was deleted"
    stage.narrator.claim("before: no company can be deleted", problem)


def delete_a_company(stage: Stage) -> None:
    """By SQL and by the ORM, with a look at every table; rolled back, for the rows are needed below."""
    with stage.engine.connect() as connection:
        before = inspection.row_counts(connection)
        owned = {
            table: connection.execute(text(f"SELECT count(*) FROM {table} WHERE {condition}")).scalar_one()
            for table, condition in OWNED.items()
        }
    for way, delete in (("SQL", delete_by_sql), ("the ORM", delete_by_orm)):
        stage.narrator.chapter(f"Delete a company by {way}, and see every child go")
        with rolled_back(stage.engine) as connection:
            try:
                delete(connection)
            except IntegrityError as error:
                stage.narrator.claim(f"delete by {way}", str(error.orig).splitlines()[0])
                continue
            after = inspection.row_counts(connection)
            orphans = inspection.orphans(connection, inspection.foreign_keys(connection))
        print_counts(before, owned, after, orphans)
        gone = sum(before.values()) - sum(after.values())
        problem = differences.wrong_counts(before, owned, after)
        stage.narrator.claim(f"delete by {way}: {gone:,} rows went, all that the company owned and no other", problem)
        problem = differences.orphans_found(orphans)
        stage.narrator.claim(f"delete by {way}: no orphan, by any of {len(orphans)} keys", problem)


def delete_by_sql(connection: Connection) -> None:
    """One DELETE."""
    print(DELETE)
    connection.execute(text(DELETE))


def delete_by_orm(connection: Connection) -> None:
    """``session.delete``, with the statements that SQLAlchemy sends for it."""

    def show(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        print(f"  {' '.join(statement.split())}  {parameters}")

    print(f"session.delete(session.get_one(Company, {COMPANY}))")
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        company = session.get_one(Company, COMPANY)
        session.delete(company)
        event.listen(connection, "before_cursor_execute", show)
        session.flush()
        event.remove(connection, "before_cursor_execute", show)
        session.commit()


def print_counts(before: Counts, owned: Counts, after: Counts, orphans: dict[inspection.ForeignKey, int]) -> None:
    """How many rows each table had, has, and has without a parent."""
    print(f"\n  {'table':<22}{'before':>8}{'its own':>9}{'after':>8}{'orphans':>9}")
    for table, had in before.items():
        strays = sum(count for key, count in orphans.items() if key.child == table)
        print(f"  {table:<22}{had:>8,}{owned[table]:>9,}{after[table]:>8,}{strays:>9,}")
    print()
