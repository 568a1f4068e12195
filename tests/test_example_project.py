"""The stories of the example projects, as anybody would run them: all of each holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from project import Project
    from sqlalchemy import URL

EXAMPLE = Path(__file__).parent.parent / "example_project"

# The last lines of each story.
SUMMARIES = {
    "collaboration": """\
ok      load: 9,402 rows in 8 tables
ok      before: 342 orphans by 4 of 14 keys
ok      before: no company can be deleted
ok      revision: written, every key by its name
ok      upgrade: all 14 keys are there, and valid
ok      upgrade: no orphan, by any of 14 keys
ok      upgrade: 890 rows went and 180 values became NULL, and no other row was touched
ok      quarantine: 890 rows and 180 values, all that went and no other
ok      delete by SQL: 1,687 rows went, all that the company owned and no other
ok      delete by SQL: no orphan, by any of 14 keys
ok      delete by the ORM: 1,687 rows went, all that the company owned and no other
ok      delete by the ORM: no orphan, by any of 14 keys
ok      downgrade: the schema is what it was, by 87 entries of the catalogue
ok      downgrade: the rows are what they were, by checksums of 8 tables
ok      downgrade: nothing is left in the quarantine
ok      second upgrade: the same schema
ok      second upgrade: the same rows
ok      second upgrade: the same set aside
ok      alembic check finds no drift
ok      criterion: All cascade deletes work correctly without leaving orphans
ok      criterion: Lifecycle fields are nullable and properly tracked
ok      criterion: Foreign key constraints prevent invalid data
ok      criterion: Migration is reversible
ok      report: all 8 tables are in collaboration.html

All 24 held.
""",
    "boardrooms": """\
ok      load: 197 rows in 4 tables
ok      before: 26 orphans by 2 of 5 keys
ok      doctor: it connects at the third try
ok      compare: schema.sql is not what the models say
ok      revision: written, every key by its name
ok      revision: 5 keys, 8 columns, 4 triggers and 5 indexes in one
ok      upgrade: all 5 keys are there, and valid
ok      upgrade: no orphan, by any of 5 keys
ok      upgrade: 52 rows went and 0 values became NULL, and no other row was touched
ok      quarantine: 52 rows and 0 values, all that went and no other
ok      verify: all is proved
ok      downgrade: the schema is what it was, by 49 entries of the catalogue
ok      downgrade: the rows are what they were, by checksums of 4 tables
ok      downgrade: nothing is left in the quarantine
ok      second upgrade: the same schema
ok      second upgrade: the same rows
ok      second upgrade: the same set aside
ok      alembic check finds no drift
ok      compare: the new schema is what the models say
ok      history: both steps are told
ok      criterion: All foreign key relationships properly defined in models
ok      criterion: Database constraints prevent invalid data
ok      criterion: Migration system functional for solo development
ok      criterion: Enhanced async connection handling with retry logic
ok      criterion: Comprehensive documentation and tools provided
ok      criterion: Schema perfectly aligned with SQLModel definitions
ok      criterion: UUID-based primary keys for scalability
ok      criterion: Automatic timestamp management with triggers
ok      report: all 4 tables are in boardrooms.html

All 29 held.
""",
    "flows": """\
ok      load: 460 rows in 4 tables
ok      audit: all three keys are found
ok      orphans: 13 rows have no flow
ok      orphans --fix: none is left
ok      quarantine restore: the rows are what they were
ok      revision: written, every key by its name
ok      revision: values are translated, up and down
ok      rehearse: it would be safe
ok      upgrade: all 3 keys are there, and valid
ok      upgrade: no orphan, by any of 3 keys
ok      upgrade: 13 rows went and 0 values became NULL, 262 were translated, and no other row was touched
ok      quarantine: 13 rows and 0 values, all that went and no other
ok      verify: all is proved
ok      downgrade: the schema is what it was, by 29 entries of the catalogue
ok      downgrade: the rows are what they were, by checksums of 4 tables
ok      downgrade: nothing is left in the quarantine
ok      second upgrade: the same schema
ok      second upgrade: the same rows
ok      second upgrade: the same set aside
ok      alembic check finds no drift
ok      criterion: All foreign key constraints reference `crewai_flow_state_extensions.flow_id`
ok      criterion: CASCADE deletion rules are properly configured
ok      criterion: No orphaned records exist in child tables
ok      criterion: Relationship mappings enable efficient queries
ok      criterion: Validation script reports no critical issues
ok      report: all 4 tables are in flows.html

All 26 held.
""",
    "health": """\
ok      revision: written, every key by its name
ok      revision: it has all 74 keys of 67 tables
ok      load: 1,111 rows in 64 tables
ok      before: 7 orphans by 2 of 70 keys
ok      before: plain relationships still try to blank-out primary key column
ok      before: no user can be deleted
ok      upgrade: all 70 keys are there, and valid
ok      upgrade: no orphan, by any of 70 keys
ok      upgrade: 7 rows went and 0 values became NULL, and no other row was touched
ok      upgrade: a line for each of 63 tables, and for each of 4 that are skipped
ok      quarantine: 7 rows and 0 values, all that went and no other
ok      upgrade: plain relationships still try to blank-out primary key column
ok      upgrade: a user can be deleted
ok      downgrade: the schema is what it was, by 528 entries of the catalogue
ok      downgrade: the rows are what they were, by checksums of 64 tables
ok      downgrade: nothing is left in the quarantine
ok      second upgrade: the same schema
ok      second upgrade: the same rows
ok      second upgrade: the same set aside
ok      alembic check finds no drift
ok      policy: the key of a new table is found
ok      policy: nothing is found once it has its CASCADE
ok      criterion: Verify CASCADE is Applied: 63 rows, 90 % of all keys
ok      criterion: Test User Deletion: 1 and 1 before, 0 and 0 after
ok      criterion: db.delete(user); db.commit(): all related tables cleaned up
ok      criterion: Legacy tables that do not exist are skipped
ok      criterion: Rollback: alembic downgrade -1
ok      criterion: Automatic - Database handles all deletions
ok      criterion: Reliable - No orphaned records possible
ok      criterion: Maintainable - New tables work automatically
ok      criterion: Fast - Single delete operation
ok      criterion: Correct - SQL standard best practice
ok      report: all 68 tables are in health.html

All 33 held.
""",
    "tickets": """\
ok      audit: what is wrong first of all is Attachment.ticket
ok      audit: no error is left
ok      audit: 13 changes to the models, and nothing is found
ok      load: 188 rows in 11 tables
ok      before: 10 orphans by 3 of 13 keys
ok      revision: written, every key by its name
ok      upgrade: all 13 keys are there, and valid
ok      upgrade: no orphan, by any of 13 keys
ok      upgrade: 3 rows went and 7 values became NULL, and no other row was touched
ok      quarantine: 3 rows and 7 values, all that went and no other
ok      verify: all is proved
ok      downgrade: the schema is what it was, by 58 entries of the catalogue
ok      downgrade: the rows are what they were, by checksums of 11 tables
ok      downgrade: nothing is left in the quarantine
ok      second upgrade: the same schema
ok      second upgrade: the same rows
ok      second upgrade: the same set aside
ok      alembic check finds no drift
ok      status: Session: All relationships defined with back_populates
ok      status: SessionTask: Back-reference to session added
ok      status: SessionValidation: Back-reference to session added
ok      status: UploadedFile: Correct as originally specified
ok      status: Ticket: Removed attachment_id FK, uses relationship only
ok      status: TicketDependency: Both ticket references defined
ok      status: Attachment: Holds FK to ticket, back-reference defined
ok      status: JiraAuthToken: No relationships needed (standalone)
ok      status: JiraProjectContext: Back-reference to session added
ok      status: SessionError: Session + optional entity references defined
ok      status: AuditLog: Nullable session reference defined
ok      criterion: Every `back_populates` has corresponding relationship on target model
ok      criterion: Foreign key relationships have appropriate back-references
ok      criterion: Cascade behavior is appropriate for each relationship type
ok      criterion: Loading strategies match usage patterns
ok      criterion: Self-referential relationships (TicketDependency) properly configured
ok      criterion: Optional foreign keys (nullable) handled with SET NULL
ok      criterion: 1:1 relationships use `uselist=False`
ok      criterion: No circular FK patterns (Ticket/Attachment fixed)
ok      criterion: Unique constraints enforce 1:1 where needed (Attachment.ticket_id)
ok      report: all 11 tables are in tickets.html

All 39 held.
""",
}


def told(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """The story of the projects in ``folder``: its exit code, all that it said, and its summary."""
    done = subprocess.run(
        [sys.executable, folder / "story.py", *arguments],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
    )
    summary = re.split(r"^\d+\. Summary\n=+\n\n", done.stdout, flags=re.MULTILINE)
    return done.returncode, done.stdout, summary[-1] if len(summary) > 1 else ""


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example projects, to be played with."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__")))


def test_the_story_holds_on_a_server_of_its_own_and_leaves_nothing_behind(
    example: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the first thing that anybody runs, on a machine that has nothing but Python, and again after playing."""
    # In /tmp, for a socket's path must be short; open to the server, which is another user where this is root.
    scratch = Path("/tmp") / f"story-{os.getpid()}"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    (example / "collaboration" / "migrations" / "versions" / "abcd_played_with.py").write_text(
        "revision = 'abcd'\ndown_revision = '0001'\n\n\ndef upgrade():\n    raise RuntimeError\n"
    )
    before = files(example)
    try:
        code, everything, summary = told(example)
        assert summary == SUMMARIES["collaboration"], everything
        assert code == 0
        assert files(example) == before
        assert list(scratch.iterdir()) == []
    finally:
        shutil.rmtree(scratch)


@pytest.mark.parametrize("story", [story for story in SUMMARIES if story != "collaboration"])
def test_the_story_holds(story: str, url: URL) -> None:
    """Each ends with what its author wanted to hold."""
    code, everything, summary = told(EXAMPLE, story, url.render_as_string(hide_password=False))
    assert summary == SUMMARIES[story], everything
    assert code == 0


def test_the_story_fails_with_plain_alembic(example: Path, url: URL) -> None:
    """What it shows is the plugin's doing: without its line in env.py a key has no name, and orphans stop the upgrade."""
    env = example / "collaboration" / "migrations" / "env.py"
    written = env.read_text()
    assert "**configure_options(cascade)," in written
    env.write_text(written.replace("**configure_options(cascade),", ""))
    code, everything, summary = told(example, "collaboration", url.render_as_string(hide_password=False))
    failures = [line.removeprefix("FAILED  ") for line in summary.splitlines() if line.startswith("FAILED")]
    assert failures == ["revision: written, every key by its name: a key has no name", "alembic upgrade: exit code 1"]
    assert "ForeignKeyViolation" in everything
    assert code == 1


def test_the_story_is_not_told_on_a_database_that_holds_something(project: Project) -> None:
    """What somebody has in a database is no part of the story."""
    project.execute("CREATE TABLE companies (id int)", "INSERT INTO companies VALUES (3)")
    code, everything, summary = told(EXAMPLE, "collaboration", project.url.render_as_string(hide_password=False))
    assert summary == "FAILED  start: the database is empty: it holds companies\n\n1 of 1 did not hold.\n", everything
    assert code == 1
    assert project.fetch("SELECT id FROM companies") == [(3,)]


STUB = """\
from pathlib import Path


def tell(stage):
    stage.narrator.claim(f"{stage.engine.url.database} is told of", "it is not" if stage.report.stem == "flows" else "")
    stage.report.write_text(stage.report.stem)
    (Path.cwd() / "written").touch()
"""


def test_all_stories_are_told_each_in_a_database_of_its_own(example: Path, project: Project, tmp_path: Path) -> None:
    """Where one does not hold the others are told all the same; reports are kept, and databases are not."""
    for story in SUMMARIES:
        (example / story / "chapters.py").write_text(STUB)
    databases = "SELECT datname FROM pg_database ORDER BY 1"
    before = project.fetch(databases)
    kept = tmp_path / "kept"
    address = project.url.render_as_string(hide_password=False)
    code, everything, _ = told(example, "all", address, "--reports", str(kept))
    assert code == 1
    *_, summary = everything.split("All stories\n===========\n\n")
    assert summary == "".join(f"{'FAILED' if story == 'flows' else 'ok    '}  {story}\n" for story in SUMMARIES)
    assert f"ok      {project.url.database}_health is told of" in everything
    assert sorted(path.stem for path in kept.iterdir()) == sorted(SUMMARIES)
    assert project.fetch(databases) == before
    assert list(example.rglob("written")) == []
