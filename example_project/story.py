"""The whole story of a drifted schema in one command: ``python story.py``.

A database of some ten thousand rows whose keys don't say what the models do; the revision that autogenerate
writes for it; up, a company deleted, down to where it began, up again. Exit 0 only if all of it held.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from load import load
from models import Base, Company
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from storytelling import differences, inspection
from storytelling.narrator import Narrator, StoryBroken
from storytelling.server import temporary_postgresql

HERE = Path(__file__).parent

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


def tell(narrator: Narrator, engine: Engine, project: Path) -> None:
    """The story, chapter by chapter.

    Errors: :exc:`StoryBroken` where it can't go on.
    """
    counts = make_first_tables(narrator, engine)
    rows, drifted = rows_and_schema(engine)
    try_to_delete_a_company(narrator, engine)
    write_revision(narrator, project)

    narrator.chapter("Upgrade")
    narrator.alembic("upgrade", "head")
    rows_upgraded, upgraded = rows_and_schema(engine)
    with engine.connect() as connection:
        keys = inspection.foreign_keys(connection)
    narrator.claim(f"upgrade: all {len(keys)} keys are there", differences.missing_keys(keys, Base.metadata))
    narrator.claim("upgrade: no row was touched", differences.changed_rows(rows, rows_upgraded))

    delete_a_company(narrator, engine, counts)

    narrator.chapter("Downgrade: everything as it was")
    narrator.alembic("downgrade", "-1")
    rows_after, schema_after = rows_and_schema(engine)
    narrator.claim(
        f"downgrade: the schema is what it was, by {len(drifted)} entries of the catalogue",
        differences.changed_schema(drifted, schema_after),
    )
    narrator.claim(
        f"downgrade: the rows are what they were, by checksums of {len(rows)} tables",
        differences.changed_rows(rows, rows_after),
    )

    narrator.chapter("Upgrade again")
    narrator.alembic("upgrade", "head")
    rows_again, schema_again = rows_and_schema(engine)
    narrator.claim("second upgrade: the same schema again", differences.changed_schema(upgraded, schema_again))
    narrator.claim("second upgrade: no row was touched", differences.changed_rows(rows, rows_again))
    print()
    narrator.alembic("check")
    narrator.claim("alembic check finds no drift")


def make_first_tables(narrator: Narrator, engine: Engine) -> Counts:
    """The first migration, filled; returns how many rows each table has.

    Errors: :exc:`StoryBroken` where the database holds anything: it may be somebody's.
    """
    narrator.chapter("The tables as they were made years ago, and their rows")
    with engine.connect() as connection:
        found = inspection.tables(connection)
    if found:
        narrator.claim("start: the database is empty", f"it holds {', '.join(found)}")
        raise StoryBroken
    narrator.alembic("upgrade", "0001")
    with engine.begin() as connection:
        total = load(connection)
    with engine.connect() as connection:
        counts = inspection.row_counts(connection)
    problem = differences.tables_without_rows(counts, Base.metadata)
    narrator.claim(f"load: {total:,} rows in {len(counts)} tables", problem)
    return counts


def try_to_delete_a_company(narrator: Narrator, engine: Engine) -> None:
    """What the drift means to the application."""
    narrator.chapter("Delete a company, as the schema is now")
    print(DELETE)
    problem = ""
    with rolled_back(engine) as connection:
        try:
            connection.execute(text(DELETE))
        except IntegrityError as error:
            print(f"  {str(error.orig).splitlines()[0]}\n")
        else:
            problem = "it was deleted"
    narrator.claim("before: no company can be deleted", problem)


def write_revision(narrator: Narrator, project: Path) -> None:
    """Autogenerate, and its text for all to read."""
    narrator.chapter("Let Alembic write the revision")
    narrator.alembic("revision", "--autogenerate", "-m", "cascade rules", "--rev-id", "0002")
    written = (project / "migrations" / "versions" / "0002_cascade_rules.py").read_text()
    print("".join(f"  | {line}".rstrip() + "\n" for line in written.splitlines()))
    # A key that is dropped under no name is what plain Alembic writes here; no database can run it.
    problem = "a key has no name" if "drop_constraint(None" in written else ""
    narrator.claim("revision: written, every key by its name", problem)


def delete_a_company(narrator: Narrator, engine: Engine, before: Counts) -> None:
    """By SQL and by the ORM, with a look at every table; rolled back, for the rows are needed below."""
    with engine.connect() as connection:
        owned = {
            table: connection.execute(text(f"SELECT count(*) FROM {table} WHERE {condition}")).scalar_one()
            for table, condition in OWNED.items()
        }
    for way, delete in (("SQL", delete_by_sql), ("the ORM", delete_by_orm)):
        narrator.chapter(f"Delete a company by {way}, and see every child go")
        with rolled_back(engine) as connection:
            try:
                delete(connection)
            except IntegrityError as error:
                narrator.claim(f"delete by {way}", str(error.orig).splitlines()[0])
                continue
            after = inspection.row_counts(connection)
            orphans = inspection.orphans(connection)
        print_counts(before, owned, after, orphans)
        gone = sum(before.values()) - sum(after.values())
        problem = differences.wrong_counts(before, owned, after)
        narrator.claim(f"delete by {way}: {gone:,} rows went, all that the company owned and no other", problem)
        problem = differences.orphans_found(orphans)
        narrator.claim(f"delete by {way}: no orphan, by any of {len(orphans)} keys", problem)


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


def rows_and_schema(engine: Engine) -> tuple[dict[str, str], inspection.Schema]:
    """The checksums of all tables, and what the catalogue says of them."""
    with engine.connect() as connection:
        return inspection.checksums(connection), inspection.schema(connection)


@contextmanager
def rolled_back(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction that is never committed."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def run(url: URL) -> int:
    """Tell the story on an empty database; returns the exit code."""
    # In a copy of the project, for a revision is written into it; without those that somebody wrote by hand.
    with TemporaryDirectory(prefix="cascade-story-") as directory:
        project = Path(directory) / "project"
        shutil.copytree(HERE, project, ignore=_left_out)
        engine = create_engine(url, poolclass=NullPool)
        narrator = Narrator(engine, project)
        try:
            tell(narrator, engine, project)
        except StoryBroken:
            print("The story can't go on.")
        finally:
            engine.dispose()
        return narrator.summary()


def _left_out(directory: str, names: list[str]) -> list[str]:
    if Path(directory).name == "versions":
        return [name for name in names if not name.startswith("0001_")]
    return [name for name in names if name == "__pycache__"]


def main(arguments: list[str]) -> int:
    """``story.py [address of an empty database]``; without one, a PostgreSQL 18 is started for the occasion."""
    if arguments:
        return run(make_url(arguments[0]))
    with temporary_postgresql() as url:
        return run(url)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
