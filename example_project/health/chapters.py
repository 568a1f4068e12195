"""The story of the health platform: seventy keys to one parent, in a deployment that lacks some of the tables."""

from __future__ import annotations

from deletion import try_to_delete_a_user
from load import ABSENT, PRESENT, load, numbered
from models import Base
from policy import cover_a_new_table
from storytelling import chapters
from storytelling.settling import settled, without_parent
from storytelling.snapshot import snapshot
from storytelling.stage import Stage
from success import criteria
from tables import GROUPS, STAFF, TABLES

# Of what is the same seventy times.
SHOWN = 45


def tell(stage: Stage) -> None:
    """The story, chapter by chapter.

    Errors: :exc:`StoryBroken` where it can't go on.
    """
    declared, drawn = Base.metadata, numbered()
    expected = settled(drawn, declared)
    chapters.make_first_tables(stage)
    write_revision(stage)
    stage.narrator.chapter("A deployment that lacks some of the tables")
    chapters.load_rows(stage, declared, load, ABSENT)
    chapters.look_for_orphans(stage, declared, without_parent(drawn, declared))
    try_to_delete_a_user(stage, "before")
    start = snapshot(stage.engine)
    upgraded = chapters.upgrade(stage, start, declared, expected)
    check_log(stage)
    chapters.show_quarantine(stage, upgraded, expected)
    try_to_delete_a_user(stage, "upgrade")
    chapters.downgrade(stage, start)
    chapters.upgrade_again(stage, upgraded)
    cover_a_new_table(stage)
    chapters.check_criteria(stage, criteria)
    chapters.write_report(stage, declared)


def write_revision(stage: Stage) -> None:
    """Where all tables are, as it is for all deployments."""
    written = chapters.write_revision(stage, SHOWN)
    print(f"  {'group':<34}tables")
    for group, tables in GROUPS.items():
        print(f"  {group:<34}{len(tables):>6}")
    keys = len(TABLES) + len(STAFF)
    found = written.count("op.alter_foreign_key(") // 2 + written.count("op.create_foreign_key(")
    problem = "" if found == keys else f"it has {found}"
    stage.narrator.claim(f"revision: it has all {keys} keys of {len(TABLES)} tables", problem)


def check_log(stage: Stage) -> None:
    """A line for each table, and for each that is skipped."""
    said = stage.narrator.last.output
    missed = [table for table in PRESENT if f"{table}.user_id -> users.id: " not in said]
    missed += [table for table in ABSENT if f"skipped, the table {table} does not exist" not in said]
    told = f"upgrade: a line for each of {len(PRESENT)} tables, and for each of {len(ABSENT)} that are skipped"
    stage.narrator.claim(told, f"not for {', '.join(missed)}" if missed else "")
