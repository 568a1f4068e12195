"""The example project's story, as anybody would run it: it holds, and it says so when something does not."""

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

SUMMARY = """\
ok      load: 32,370 rows in 8 tables
ok      before: 502 orphans by 4 of 14 keys
ok      before: no company can be deleted
ok      revision: written, every key by its name
ok      upgrade: all 14 keys are there, and valid
ok      upgrade: no orphan, by any of 14 keys
ok      upgrade: 1,785 rows went and 260 values became NULL, and no other row was touched
ok      quarantine: 1,785 rows and 260 values, all that went and no other
ok      delete by SQL: 6,113 rows went, all that the company owned and no other
ok      delete by SQL: no orphan, by any of 14 keys
ok      delete by the ORM: 6,113 rows went, all that the company owned and no other
ok      delete by the ORM: no orphan, by any of 14 keys
ok      downgrade: the schema is what it was, by 87 entries of the catalogue
ok      downgrade: the rows are what they were, by checksums of 8 tables
ok      downgrade: nothing is left in the quarantine
ok      second upgrade: the same schema
ok      second upgrade: the same rows
ok      second upgrade: the same set aside
ok      alembic check finds no drift

All 19 held.
"""


SETTLED = "1,785 rows went and 260 values became NULL"


def told(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """The story of the project in ``folder``: its exit code, all that it said, and its summary."""
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


def failures(summary: str) -> list[str]:
    """What the summary says did not hold."""
    return [line.removeprefix("FAILED  ") for line in summary.splitlines() if line.startswith("FAILED")]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_story_holds_on_a_server_of_its_own_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the first thing that anybody runs, on a machine that has nothing but Python."""
    # In /tmp, for a socket's path must be short; open to the server, which is another user where this is root.
    scratch = Path("/tmp") / f"story-{os.getpid()}"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    before = files(EXAMPLE)
    try:
        code, everything, summary = told(EXAMPLE)
        assert summary == SUMMARY, everything
        assert code == 0
        assert files(EXAMPLE) == before
        assert list(scratch.iterdir()) == []
    finally:
        shutil.rmtree(scratch)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example project, to be broken."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "example", ignore=shutil.ignore_patterns("__pycache__")))


def replace(path: Path, old: str, new: str, count: int = -1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def test_the_story_takes_no_notice_of_revisions_that_somebody_wrote_by_hand(example: Path, url: URL) -> None:
    """Whoever has played with the project can still run the story."""
    (example / "migrations" / "versions" / "abcd_played_with.py").write_text(
        "revision = 'abcd'\ndown_revision = '0001'\n\n\ndef upgrade():\n    raise RuntimeError\n"
    )
    code, everything, summary = told(example, url.render_as_string(hide_password=False))
    assert summary == SUMMARY, everything
    assert code == 0


def test_the_story_fails_with_plain_alembic(example: Path, url: URL) -> None:
    """What it shows is the plugin's doing: without its line in env.py a key has no name, and orphans stop the upgrade."""
    replace(example / "migrations" / "env.py", "**configure_options(CascadeConfig()),", "")
    code, everything, summary = told(example, url.render_as_string(hide_password=False))
    assert failures(summary) == [
        "revision: written, every key by its name: a key has no name",
        "alembic upgrade: exit code 1",
    ]
    assert "ForeignKeyViolation" in everything
    assert code == 1


def do_in_secret(example: Path, function: str, *statements: str) -> None:
    """Let the revision that the story writes run statements that the story knows nothing of."""
    written = f'${{{function}s if {function}s else "pass"}}'
    secret = "".join(f"\n    op.execute({statement!r})" for statement in statements)
    replace(example / "migrations" / "script.py.mako", written, written + secret)


def test_the_story_fails_where_rows_and_schema_do_not_come_back(example: Path, url: URL) -> None:
    """A claim that can't fail is worth nothing."""
    do_in_secret(example, "upgrade", "UPDATE users SET display_name = 'x' WHERE id = 7")
    do_in_secret(example, "downgrade", "DELETE FROM reactions WHERE id = 7", "DROP INDEX ix_users_company_id")
    code, everything, summary = told(example, url.render_as_string(hide_password=False))
    index = "index users ix_users_company_id CREATE INDEX ix_users_company_id ON public.users USING btree (company_id)"
    assert failures(summary) == [
        f"upgrade: {SETTLED}, and no other row was touched: 0 rows of users went and 1 changed, not 0 and 0",
        f"downgrade: the schema is what it was, by 87 entries of the catalogue: missing: {index}",
        "downgrade: the rows are what they were, by checksums of 8 tables: the rows of reactions, users differ",
        f"second upgrade: the same schema: missing: {index}",
        "second upgrade: the same rows: the rows of reactions differ",
        "alembic check: exit code 255",
    ], everything
    assert summary.endswith("\n6 of 19 did not hold.\n")
    assert code == 1


def test_the_story_fails_where_a_row_is_not_set_aside(example: Path, url: URL) -> None:
    """What went and can't come back is not settled, whatever the log says."""
    do_in_secret(example, "upgrade", 'DELETE FROM alembic_cascade."0002_public_meetings" WHERE id = 301')
    do_in_secret(example, "downgrade", "SELECT 1")
    code, everything, summary = told(example, url.render_as_string(hide_password=False))
    lost = "0 rows and 19 values of meetings, not 0 and 20"
    assert failures(summary) == [
        f"quarantine: 1,785 rows and 259 values, all that went and no other: {lost}",
        "downgrade: the rows are what they were, by checksums of 8 tables: the rows of meetings differ",
    ], everything
    assert code == 1


def test_the_story_fails_where_an_orphan_stays(example: Path, url: URL) -> None:
    """A key can be valid, and a row without its parent nevertheless."""
    off, on = ("ALTER TABLE meetings DISABLE TRIGGER ALL", "ALTER TABLE meetings ENABLE TRIGGER ALL")
    do_in_secret(example, "upgrade", off, "UPDATE meetings SET organizer_id = 999 WHERE id = 301", on)
    do_in_secret(example, "downgrade", "DELETE FROM nowhere")
    code, everything, summary = told(example, url.render_as_string(hide_password=False))
    orphan = "1 by meetings (organizer_id) -> users (id)"
    assert failures(summary) == [
        f"upgrade: no orphan, by any of 14 keys: {orphan}",
        f"delete by SQL: no orphan, by any of 14 keys: {orphan}",
        f"delete by the ORM: no orphan, by any of 14 keys: {orphan}",
        "alembic downgrade: exit code 1",
    ], everything
    assert code == 1


def test_the_story_fails_where_a_key_does_not_cascade(example: Path, url: URL) -> None:
    """A claim that can't fail is worth nothing."""
    do_in_secret(
        example,
        "upgrade",
        "ALTER TABLE reactions DROP CONSTRAINT reactions_user_id_fkey",
        "ALTER TABLE channels DISABLE TRIGGER ALL",
        "ALTER TABLE users DISABLE TRIGGER ALL",
    )
    do_in_secret(example, "downgrade", "DELETE FROM nowhere")
    code, everything, summary = told(example, url.render_as_string(hide_password=False))
    wrong = "channel_members has 900 rows, not 720"
    orphans = "180 by channel_members (channel_id) -> channels (id); 180 by channel_members (user_id) -> users (id)"
    assert failures(summary) == [
        "upgrade: all 13 keys are there, and valid: missing: reactions (user_id) -> users (id)",
        f"delete by SQL: 5,933 rows went, all that the company owned and no other: {wrong}",
        f"delete by SQL: no orphan, by any of 13 keys: {orphans}",
        f"delete by the ORM: 5,933 rows went, all that the company owned and no other: {wrong}",
        f"delete by the ORM: no orphan, by any of 13 keys: {orphans}",
        "alembic downgrade: exit code 1",
    ], everything
    assert code == 1


def test_the_story_is_not_told_on_a_database_that_holds_something(project: Project) -> None:
    """What somebody has in a database is no part of the story."""
    project.execute("CREATE TABLE companies (id int)", "INSERT INTO companies VALUES (3)")
    code, everything, summary = told(EXAMPLE, project.url.render_as_string(hide_password=False))
    assert summary == "FAILED  start: the database is empty: it holds companies\n\n1 of 1 did not hold.\n", everything
    assert code == 1
    assert project.fetch("SELECT id FROM companies") == [(3,)]
