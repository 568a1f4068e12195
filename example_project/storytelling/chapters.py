"""The chapters that several stories have: first tables, orphans, the revision, up, down to where it began, up again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Connection, MetaData

from storytelling import differences, inspection
from storytelling.checking import failed
from storytelling.narrator import StoryBroken
from storytelling.settling import Settled
from storytelling.snapshot import Snapshot, snapshot
from storytelling.stage import Stage


def make_first_tables(stage: Stage) -> None:
    """The first migration.

    Errors: :exc:`StoryBroken` where the database holds anything: it may be somebody's.
    """
    stage.narrator.chapter("The tables as they were made years ago")
    with stage.engine.connect() as connection:
        found = inspection.tables(connection)
    if found:
        stage.narrator.claim("start: the database is empty", f"it holds {', '.join(found)}")
        raise StoryBroken
    stage.narrator.alembic("upgrade", "0001")


def load_rows(
    stage: Stage, declared: MetaData, load: Callable[[Connection], int], absent: Collection[str] = ()
) -> None:
    """The rows of these tables; ``absent`` are those that this deployment lacks."""
    with stage.engine.begin() as connection:
        total = load(connection)
    with stage.engine.connect() as connection:
        counts = inspection.row_counts(connection)
    problem = differences.tables_without_rows(counts, declared, absent)
    stage.narrator.claim(f"load: {total:,} rows in {len(counts)} tables", problem)


def look_for_orphans(stage: Stage, declared: MetaData, expected: Mapping[str, int]) -> None:
    """The rows that refer to somebody who is gone, by the keys that the models declare."""
    stage.narrator.chapter("Look for rows whose parents are gone")
    with stage.engine.connect() as connection:
        there = inspection.tables(connection)
        keys = [key for key in inspection.declared_keys(declared) if key.child in there]
        found = inspection.orphans(connection, keys)
    dirty = {key: count for key, count in found.items() if count}
    for key, count in dirty.items():
        print(f"  {key!s:<50}{count:>6,}")
    print()
    problem = differences.wrong_orphans(expected, found)
    stage.narrator.claim(f"before: {sum(dirty.values())} orphans by {len(dirty)} of {len(found)} keys", problem)


def write_revision(stage: Stage, most_lines: int | None = None) -> str:
    """Autogenerate, and its text for all to read."""
    stage.narrator.chapter("Let Alembic write the revision")
    stage.narrator.alembic("revision", "--autogenerate", "-m", "cascade rules", "--rev-id", "0002", most_lines=40)
    written = (stage.project / "migrations" / "versions" / "0002_cascade_rules.py").read_text()
    stage.narrator.show([f"| {line}" for line in written.splitlines()], most_lines)
    # A key that is dropped under no name is what plain Alembic writes here; no database can run it.
    problem = "a key has no name" if "drop_constraint(None" in written else ""
    stage.narrator.claim("revision: written, every key by its name", problem)
    return written


def upgrade(stage: Stage, start: Snapshot, declared: MetaData, expected: Settled) -> Snapshot:
    """Up; returns what is there afterwards."""
    stage.narrator.chapter("Upgrade")
    stage.narrator.alembic("upgrade", "head")
    with stage.engine.connect() as connection:
        keys = inspection.foreign_keys(connection)
        orphans = inspection.orphans(connection, keys)
    count = len(keys)
    absent = declared.tables.keys() - start.columns.keys()
    problem = differences.missing_keys(keys, declared, absent)
    stage.narrator.claim(f"upgrade: all {count} keys are there, and valid", problem)
    stage.narrator.claim(f"upgrade: no orphan, by any of {count} keys", differences.orphans_found(orphans))
    upgraded = snapshot(stage.engine, start)
    problem = differences.wrongly_touched(start.digests, upgraded.digests, expected.removed, expected.changed)
    stage.narrator.claim(f"upgrade: {expected.in_words}, and no other row was touched", problem)
    return upgraded


def show_quarantine(stage: Stage, upgraded: Snapshot, expected: Settled) -> None:
    """What was set aside, and why."""
    stage.narrator.chapter("What was set aside")
    print(f"  {'table':<18}{'rows':>6}{'values':>8}  {'why':<20}by the key")
    for entry in upgraded.quarantine:
        counts = f"{'':>6}{entry.count:>8,}" if entry.is_value else f"{entry.count:>6,}{'':>8}"
        print(f"  {entry.table:<18}{counts}  {entry.reason:<20}{entry.constraint}")
    print()
    values = sum(entry.count for entry in upgraded.quarantine if entry.is_value)
    rows = sum(entry.count for entry in upgraded.quarantine) - values
    problem = differences.wrongly_set_aside(upgraded.quarantine, expected.removed, expected.emptied)
    stage.narrator.claim(f"quarantine: {rows:,} rows and {values} values, all that went and no other", problem)


def verify(stage: Stage) -> None:
    """Each key and each relationship, tried on rows that are made for it."""
    stage.narrator.chapter("Prove that every key and every relationship does what it promises")
    ran = stage.narrator.alembic_cascade("verify")
    stage.narrator.claim("verify: all is proved", failed(ran))


def downgrade(stage: Stage, start: Snapshot) -> None:
    """Down to where it began."""
    stage.narrator.chapter("Downgrade: everything as it was")
    stage.narrator.alembic("downgrade", "-1", most_lines=40)
    after = snapshot(stage.engine)
    stage.narrator.claim(
        f"downgrade: the schema is what it was, by {len(start.schema)} entries of the catalogue",
        differences.changed_schema(start.schema, after.schema),
    )
    stage.narrator.claim(
        f"downgrade: the rows are what they were, by checksums of {len(start.checksums)} tables",
        differences.changed_rows(start.checksums, after.checksums),
    )
    problem = differences.left_in_quarantine(after.quarantine)
    stage.narrator.claim("downgrade: nothing is left in the quarantine", problem)


def upgrade_again(stage: Stage, upgraded: Snapshot) -> None:
    """Up once more: all as after the first time."""
    stage.narrator.chapter("Upgrade again")
    stage.narrator.alembic("upgrade", "head", most_lines=40)
    again = snapshot(stage.engine, upgraded)
    stage.narrator.claim("second upgrade: the same schema", differences.changed_schema(upgraded.schema, again.schema))
    stage.narrator.claim("second upgrade: the same rows", differences.changed_rows(upgraded.checksums, again.checksums))
    problem = "" if again.quarantine == upgraded.quarantine else "it holds something else"
    stage.narrator.claim("second upgrade: the same set aside", problem)
    print()
    stage.narrator.alembic("check")
    stage.narrator.claim("alembic check finds no drift")


def check_criteria(stage: Stage, criteria: Callable[[Stage], Mapping[str, str]]) -> None:
    """What the application's author wanted to hold in the end, in these words, each with what is against it."""
    stage.narrator.chapter("The success criteria, one by one")
    for what, problem in criteria(stage).items():
        stage.narrator.claim(f"criterion: {what}", problem)


def write_report(stage: Stage, declared: MetaData) -> None:
    """All of it in one document: tables, keys, how far deletes reach, and what the last revision changed."""
    stage.narrator.chapter("The report")
    ran = stage.narrator.alembic_cascade("report", "-o", str(stage.report))
    written = stage.report.read_text() if stage.report.is_file() else ""
    missed = sorted(table for table in declared.tables if table not in written)
    problem = failed(ran) or (f"it lacks {', '.join(missed)}" if missed else "")
    stage.narrator.claim(f"report: all {len(declared.tables)} tables are in {stage.report.name}", problem)
