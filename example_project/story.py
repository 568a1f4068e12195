"""The whole story of a drifted schema in one command: ``python story.py``.

A database of some ten thousand rows whose keys don't say what the models do, and some of whose rows have lost their
parents; the revision that autogenerate writes for it; up, a company deleted, down to where it began, up again. Exit 0
only if all of it held.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from load import load
from models import Base
from orphans import Settled, settled, without_parent
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url
from storytelling import differences, inspection
from storytelling.deletion import delete_a_company, try_to_delete_a_company
from storytelling.narrator import Narrator, StoryBroken
from storytelling.server import temporary_postgresql
from storytelling.snapshot import Snapshot, snapshot

HERE = Path(__file__).parent


def tell(narrator: Narrator, engine: Engine, project: Path) -> None:
    """The story, chapter by chapter.

    Errors: :exc:`StoryBroken` where it can't go on.
    """
    make_first_tables(narrator, engine)
    look_for_orphans(narrator, engine)
    try_to_delete_a_company(narrator, engine)
    start = snapshot(engine)
    write_revision(narrator, project)
    upgraded = upgrade(narrator, engine, start)
    delete_a_company(narrator, engine)
    downgrade(narrator, engine, start)
    upgrade_again(narrator, engine, upgraded)


def make_first_tables(narrator: Narrator, engine: Engine) -> None:
    """The first migration, filled.

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


def look_for_orphans(narrator: Narrator, engine: Engine) -> None:
    """The rows that refer to somebody who is gone, by the keys that the models declare."""
    narrator.chapter("Look for rows whose parents are gone")
    with engine.connect() as connection:
        found = inspection.orphans(connection, inspection.declared_keys(Base.metadata))
    dirty = {key: count for key, count in found.items() if count}
    for key, count in dirty.items():
        print(f"  {key!s:<50}{count:>6,}")
    print()
    problem = differences.wrong_orphans(without_parent(), found)
    narrator.claim(f"before: {sum(dirty.values())} orphans by {len(dirty)} of {len(found)} keys", problem)


def write_revision(narrator: Narrator, project: Path) -> None:
    """Autogenerate, and its text for all to read."""
    narrator.chapter("Let Alembic write the revision")
    narrator.alembic("revision", "--autogenerate", "-m", "cascade rules", "--rev-id", "0002")
    written = (project / "migrations" / "versions" / "0002_cascade_rules.py").read_text()
    print("".join(f"  | {line}".rstrip() + "\n" for line in written.splitlines()))
    # A key that is dropped under no name is what plain Alembic writes here; no database can run it.
    problem = "a key has no name" if "drop_constraint(None" in written else ""
    narrator.claim("revision: written, every key by its name", problem)


def upgrade(narrator: Narrator, engine: Engine, start: Snapshot) -> Snapshot:
    """Up; returns what is there afterwards."""
    narrator.chapter("Upgrade")
    narrator.alembic("upgrade", "head")
    with engine.connect() as connection:
        keys = inspection.foreign_keys(connection)
        orphans = inspection.orphans(connection, keys)
    narrator.claim(f"upgrade: all {len(keys)} keys are there, and valid", differences.missing_keys(keys, Base.metadata))
    narrator.claim(f"upgrade: no orphan, by any of {len(keys)} keys", differences.orphans_found(orphans))
    upgraded, expected = snapshot(engine), settled()
    what = f"{sum(expected.removed.values()):,} rows went and {sum(expected.emptied.values())} values became NULL"
    problem = differences.wrongly_touched(start.digests, upgraded.digests, expected.removed, expected.emptied)
    narrator.claim(f"upgrade: {what}, and no other row was touched", problem)
    show_quarantine(narrator, upgraded, expected)
    return upgraded


def show_quarantine(narrator: Narrator, upgraded: Snapshot, expected: Settled) -> None:
    """What was set aside, and why."""
    narrator.chapter("What was set aside")
    print(f"  {'table':<18}{'rows':>6}{'values':>8}  {'why':<20}by the key")
    for entry in upgraded.quarantine:
        counts = f"{'':>6}{entry.count:>8,}" if entry.is_value else f"{entry.count:>6,}{'':>8}"
        print(f"  {entry.table:<18}{counts}  {entry.reason:<20}{entry.constraint}")
    print()
    values = sum(entry.count for entry in upgraded.quarantine if entry.is_value)
    rows = sum(entry.count for entry in upgraded.quarantine) - values
    problem = differences.wrongly_set_aside(upgraded.quarantine, expected.removed, expected.emptied)
    narrator.claim(f"quarantine: {rows:,} rows and {values} values, all that went and no other", problem)


def downgrade(narrator: Narrator, engine: Engine, start: Snapshot) -> None:
    """Down to where it began."""
    narrator.chapter("Downgrade: everything as it was")
    narrator.alembic("downgrade", "-1")
    after = snapshot(engine)
    narrator.claim(
        f"downgrade: the schema is what it was, by {len(start.schema)} entries of the catalogue",
        differences.changed_schema(start.schema, after.schema),
    )
    narrator.claim(
        f"downgrade: the rows are what they were, by checksums of {len(start.checksums)} tables",
        differences.changed_rows(start.checksums, after.checksums),
    )
    narrator.claim("downgrade: nothing is left in the quarantine", differences.left_in_quarantine(after.quarantine))


def upgrade_again(narrator: Narrator, engine: Engine, upgraded: Snapshot) -> None:
    """Up once more: all as after the first time."""
    narrator.chapter("Upgrade again")
    narrator.alembic("upgrade", "head")
    again = snapshot(engine)
    narrator.claim("second upgrade: the same schema", differences.changed_schema(upgraded.schema, again.schema))
    narrator.claim("second upgrade: the same rows", differences.changed_rows(upgraded.checksums, again.checksums))
    problem = "" if again.quarantine == upgraded.quarantine else "it holds something else"
    narrator.claim("second upgrade: the same set aside", problem)
    print()
    narrator.alembic("check")
    narrator.claim("alembic check finds no drift")


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
