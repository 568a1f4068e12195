"""What the stories of the example projects are told with: whatever is not as it should be is told."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from storytelling import checking, differences, inspection, settling
from storytelling.narrator import Narrator
from storytelling.snapshot import Snapshot, snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project


class Base(DeclarativeBase):
    """Users, the meetings that they call and that outlive them, and the notes that don't outlive the meetings."""


class User(Base):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Meeting(Base):
    __tablename__ = "meetings"

    id: Mapped[int] = mapped_column(primary_key=True)
    organizer_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)

    notes: Mapped[list[Note]] = relationship(cascade="all, delete-orphan", passive_deletes=True)


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    meeting_id: Mapped[int] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), index=True)


DECLARED = Base.metadata
ORGANIZER, MEETING = "meetings (organizer_id) -> users (id)", "notes (meeting_id) -> meetings (id)"
OFF, ON = "SET session_replication_role = replica", "SET session_replication_role = DEFAULT"


@pytest.fixture
def calm(project: Project) -> Project:
    """A database in which all is as it should be."""
    project.create(DECLARED)
    project.execute(
        "INSERT INTO users VALUES (1, 'Ann'), (2, 'Bob')",
        "INSERT INTO meetings VALUES (10, 1), (20, 2), (30, NULL)",
        "INSERT INTO notes VALUES (100, 10), (200, 20), (300, 30)",
    )
    return project


def keys_of(engine: Engine) -> list[inspection.ForeignKey]:
    with engine.connect() as connection:
        return inspection.foreign_keys(connection)


def orphans_of(engine: Engine, declared: MetaData = DECLARED) -> dict[inspection.ForeignKey, int]:
    with engine.connect() as connection:
        return inspection.orphans(connection, inspection.declared_keys(declared))


def touched(before: Snapshot, after: Snapshot, **removed: int) -> str:
    nothing = dict.fromkeys(before.digests, 0)
    return differences.wrongly_touched(before.digests, after.digests, {**nothing, **removed}, nothing)


def test_nothing_is_told_where_nothing_is_wrong(calm: Project) -> None:
    """A claim that fails without a reason would be no better than one that can't fail."""
    start, again = snapshot(calm.engine), snapshot(calm.engine)
    assert differences.changed_rows(start.checksums, again.checksums) == ""
    assert differences.changed_schema(start.schema, again.schema) == ""
    assert differences.missing_keys(keys_of(calm.engine), DECLARED) == ""
    assert differences.orphans_found(orphans_of(calm.engine)) == ""
    assert differences.left_in_quarantine(again.quarantine) == ""
    assert touched(start, again) == ""


def test_a_row_that_changes_goes_or_comes_is_told(calm: Project) -> None:
    """Of rows that are to be what they were, and of rows of which some are to go."""
    start = snapshot(calm.engine)
    calm.execute("UPDATE users SET name = 'x' WHERE id = 1", "DELETE FROM notes WHERE id = 300")
    after = snapshot(calm.engine, start)
    assert differences.changed_rows(start.checksums, after.checksums) == "the rows of notes, users differ"
    assert touched(start, after) == (
        "1 rows of notes went and 0 changed, not 0 and 0; 0 rows of users went and 1 changed, not 0 and 0"
    )
    assert touched(start, after, notes=1) == "0 rows of users went and 1 changed, not 0 and 0"


def test_a_new_column_is_no_other_row(calm: Project) -> None:
    """An upgrade may add one; what it does to the columns that were there is told nevertheless."""
    start = snapshot(calm.engine)
    calm.execute("ALTER TABLE users ADD last_active timestamptz DEFAULT now()")
    assert touched(start, snapshot(calm.engine, start)) == ""
    assert differences.changed_rows(start.checksums, snapshot(calm.engine).checksums) == "the rows of users differ"
    calm.execute("UPDATE users SET name = 'x', last_active = NULL WHERE id = 1")
    assert touched(start, snapshot(calm.engine, start)) == "0 rows of users went and 1 changed, not 0 and 0"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "DROP INDEX ix_notes_meeting_id",
            "missing: index notes ix_notes_meeting_id CREATE INDEX ix_notes_meeting_id ON public.notes USING btree (meeting_id)",
        ),
        ("ALTER TABLE users ADD age int", "new: column users age integer"),
        ("ALTER TABLE users ALTER name SET DEFAULT 'x'", "new: column users name character varying NOT NULL DEFAULT"),
        ("ALTER TABLE notes DISABLE TRIGGER ALL", ""),
        (
            "ALTER TABLE meetings RENAME CONSTRAINT meetings_organizer_id_fkey TO other",
            "new: constraint meetings other",
        ),
        ("COMMENT ON CONSTRAINT notes_meeting_id_fkey ON notes IS 'x'", "ON DELETE CASCADE valid x"),
        ("CREATE FUNCTION left_over() RETURNS int LANGUAGE sql AS 'SELECT 1'", "new: function  left_over CREATE"),
    ],
)
def test_a_schema_that_is_another_one_is_told(calm: Project, change: str, told: str) -> None:
    """Whatever an upgrade could leave behind."""
    start = snapshot(calm.engine)
    calm.execute(change)
    found = differences.changed_schema(start.schema, snapshot(calm.engine).schema)
    assert told in found
    assert bool(told) == bool(found)


def test_keys_that_are_missing_invalid_or_one_too_many_are_told(calm: Project) -> None:
    """Against what the models declare."""
    calm.execute(
        "ALTER TABLE meetings DROP CONSTRAINT meetings_organizer_id_fkey",
        "ALTER TABLE notes ADD FOREIGN KEY (meeting_id) REFERENCES meetings NOT VALID",
    )
    assert differences.missing_keys(keys_of(calm.engine), DECLARED) == (
        f"missing: {ORGANIZER}; one too many: {MEETING}; not valid: {MEETING}"
    )
    assert differences.missing_keys(keys_of(calm.engine), DECLARED, absent=["meetings"]).startswith("one too many")


def test_an_orphan_under_a_valid_key_is_told(calm: Project) -> None:
    """A key can be valid, and a row without its parent nevertheless."""
    calm.execute(OFF, "UPDATE meetings SET organizer_id = 9 WHERE id = 10", "DELETE FROM meetings WHERE id = 20", ON)
    found = orphans_of(calm.engine)
    assert differences.missing_keys(keys_of(calm.engine), DECLARED) == ""
    assert differences.orphans_found(found) == f"1 by {ORGANIZER}; 1 by {MEETING}"
    assert differences.wrong_orphans({MEETING: 1}, found) == f"1 by {ORGANIZER}, not 0"
    assert differences.orphans_found({}) == "there is no key to look at"


def test_tables_that_are_missing_empty_or_unknown_are_told(calm: Project) -> None:
    """What a deployment is known to lack is no fault."""
    calm.execute("DELETE FROM notes", "CREATE TABLE others ()", "DROP TABLE users CASCADE")
    with calm.engine.connect() as connection:
        counts = inspection.row_counts(connection)
    told = "notes has none; users has none; others is not declared"
    assert differences.tables_without_rows(counts, DECLARED) == told
    assert differences.tables_without_rows(counts, DECLARED, ["users"]) == "notes has none; others is not declared"


def test_what_a_delete_leaves_or_takes_wrongly_is_told(calm: Project) -> None:
    """The counts of a table say what went with a row."""
    assert (
        differences.wrong_counts({"a": 3, "b": 2}, {"a": 1}, {"a": 3, "b": 1})
        == "a has 3 rows, not 2; b has 1 rows, not 2"
    )
    assert differences.wrong_counts({"a": 3}, {"a": 1}, {"a": 2}) == ""


def test_children_that_outlive_their_parent_are_told(calm: Project) -> None:
    """By SQL and by the ORM; a parent without children shows nothing, and nothing of it stays deleted."""
    assert checking.children_that_stay(calm.engine, [(Meeting, 10), (Meeting, 20)]) == ""
    assert checking.children_that_stay(calm.engine, [(Meeting, 10)], absent=["notes"]) == ""
    calm.execute("DELETE FROM notes WHERE id = 200", "ALTER TABLE meetings DISABLE TRIGGER ALL")
    assert checking.children_that_stay(calm.engine, [(Meeting, 10), (Meeting, 20)]) == (
        f"1 of 1 Meeting.notes stay; 1 by {MEETING}; Meeting.notes has no row"
    )
    assert calm.fetch("SELECT id FROM meetings ORDER BY id") == [(10,), (20,), (30,)]


def test_what_no_constraint_refuses_is_told(calm: Project) -> None:
    """By the key that should, and by the constraint that is named with a statement."""
    assert checking.keys_that_let_anything_pass(calm.engine) == ""
    nameless = "UPDATE users SET name = NULL"
    refused = {
        "no name": (nameless, "name"),
        "no meeting": ("UPDATE notes SET meeting_id = 1", "notes_meeting_id_fkey"),
    }
    assert checking.statements_that_pass(calm.engine, refused) == ""
    calm.execute(
        *(f"ALTER TABLE {table} DISABLE TRIGGER ALL" for table in ("notes", "meetings")), "DELETE FROM meetings"
    )
    assert checking.keys_that_let_anything_pass(calm.engine) == f"{ORGANIZER} has no row; {MEETING} lets anything pass"
    refused["no name"] = (nameless, "another")
    found = checking.statements_that_pass(calm.engine, refused)
    assert found.startswith('no name: null value in column "name"')
    assert found.endswith("no meeting: is accepted")
    calm.execute("DROP TABLE notes, meetings")
    assert checking.keys_that_let_anything_pass(calm.engine) == "there is no key"


def test_what_has_to_become_of_orphans_is_worked_out_from_rows_and_models() -> None:
    """CASCADE as far as it goes, then SET NULL, without the plugin and without a database."""
    rows = {
        "users": [{"id": 1}],
        "meetings": [{"id": 10, "organizer_id": 1}, {"id": 20, "organizer_id": 9}, {"id": 30, "organizer_id": None}],
        "notes": [{"id": 100, "meeting_id": 10}, {"id": 200, "meeting_id": 99}, {"id": 300, "meeting_id": 99}],
    }
    assert settling.without_parent(rows, DECLARED) == {ORGANIZER: 1, MEETING: 2}
    found = settling.settled(rows, DECLARED)
    assert (found.removed, found.emptied) == (
        {"users": 0, "meetings": 0, "notes": 2},
        {"users": 0, "meetings": 1, "notes": 0},
    )
    assert found.in_words == "2 rows went and 1 values became NULL"


def test_a_quarantine_that_holds_something_else_is_told() -> None:
    """Rows and values that went and are not kept can't come back."""
    kept = [
        inspection.SetAside("notes", "orphan", "notes_meeting_id_fkey", is_value=False, count=2),
        inspection.SetAside("meetings", "orphan", "meetings_organizer_id_fkey", is_value=True, count=1),
    ]
    removed, emptied = {"notes": 2, "meetings": 0}, {"notes": 0, "meetings": 1}
    assert differences.wrongly_set_aside(kept, removed, emptied) == ""
    assert differences.wrongly_set_aside(kept[:1], removed, emptied) == "0 rows and 0 values of meetings, not 0 and 1"
    assert differences.left_in_quarantine(kept[:1]) == "2 of notes by notes_meeting_id_fkey"


def test_what_did_not_hold_of_some_claims_can_be_asked_for() -> None:
    """A criterion stands on what was claimed before, and on nothing less."""
    narrator = Narrator()
    narrator.claim("down: schema")
    narrator.claim("down: rows", "one is gone")
    narrator.claim("up")
    assert narrator.problem_of("up") == ""
    assert narrator.problem_of("down: ") == "down: rows: one is gone"
    assert narrator.problem_of("sideways") == "nothing was claimed of 'sideways'"


def test_a_claim_that_does_not_hold_is_the_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody reads all of it."""
    narrator = Narrator()
    narrator.claim("one")
    assert narrator.summary() == 0
    narrator.claim("two", "it is not")
    assert narrator.summary() == 1
    assert capfd.readouterr().out.endswith("ok      one\nFAILED  two: it is not\n\n1 of 2 did not hold.\n")
    assert Narrator().summary() == 1


COMMANDS = """\
import sys
from storytelling import commands
from storytelling.narrator import Narrator, StoryBroken

narrator = Narrator()
narrator.alembic("init", "made", most_lines=1)
try:
    narrator.alembic("init", "made")
except StoryBroken:
    print("broken")
print("summary", narrator.summary())
print("code", narrator.alembic_cascade("audit", "-c", "absent.ini").code)


def fails():
    print("out")
    print("err", file=sys.stderr)
    raise ValueError("why")


print(commands.run(fails))
"""


def test_what_a_command_says_and_how_it_ends_is_told(tmp_path: Path) -> None:
    """Output and errors, also where Alembic has bound them before; a failure of Alembic's ends the story."""
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "$ alembic init made"
    assert "done" in lines[1]
    assert "lines more" in lines[2]
    assert any("already exists and is not empty" in line for line in lines)
    assert lines[lines.index("broken") - 1] == "FAILED  alembic init: exit code 255"
    assert "summary 1" in lines
    assert "  error: There is no absent.ini here. Name the configuration by -c." in lines
    assert lines[-2] == "code 2"
    assert lines[-1].startswith("Ran(code=1, output='")
    assert all(text in lines[-1] for text in ("out", "err", "ValueError: why"))
