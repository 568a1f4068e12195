"""``quarantine purge``: given up, for good."""

from __future__ import annotations

import pytest
from workplace import Workplace, cleaned

from alembic_cascade.cli import output

REFUSED = "error: There is no terminal to ask in. Nothing was changed. Say --yes if it is meant.\n"


@pytest.fixture
def two(blog: Workplace) -> Workplace:
    """Another revision, with a row that lost a value."""
    blog.execute("INSERT INTO posts VALUES (50, 7, NULL)")
    blog.migrate("two", cleaned("set_null"))
    return blog


def test_one_revision(two: Workplace) -> None:
    """Its tables go, the others and the schema stay."""
    result = two.run("purge", "one", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "To be lost for good:\n"
        "  2 rows of public.comments, revision one\n"
        "  3 rows of public.posts, revision one\n"
        "Purged 5 rows.\n"
    )
    assert two.kept() == ["two_public_posts"]


def test_all_and_the_schema_with_it(two: Workplace) -> None:
    """It was made for the quarantine, and is empty."""
    result = two.run("purge", "--all", "--yes")
    assert "  old values of 1 row of public.posts, revision two\n" in result.stdout
    assert two.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'alembic_cascade'") == []
    assert two.run("list").stdout == "The quarantine is empty.\n"


def test_a_schema_of_the_users_stays(blog: Workplace) -> None:
    """Made by somebody else, it is somebody else's to drop."""
    blog.execute("CREATE SCHEMA aside", "INSERT INTO posts VALUES (50, 7, NULL)")
    blog.migrate("two", cleaned("quarantine", ", quarantine_schema='aside'"))
    assert blog.run("purge", "two", "--yes").exit_code == 0
    assert blog.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'aside'") == []
    assert blog.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'aside'") == [(1,)]


def test_a_schema_with_something_else_in_it_stays(blog: Workplace) -> None:
    """A view of somebody's is no part of the quarantine."""
    blog.execute("CREATE VIEW alembic_cascade.mine AS SELECT 1")
    assert blog.run("purge", "--all", "--yes").exit_code == 0
    assert blog.fetch("SELECT * FROM alembic_cascade.mine") == [(1,)]


def test_older_than_some_days(two: Workplace) -> None:
    """The last row that was added counts."""
    two.execute("UPDATE alembic_cascade.one_public_posts SET cascade_at = now() - interval '31 days'")
    two.execute("UPDATE alembic_cascade.one_public_comments SET cascade_at = now() - interval '31 days' WHERE id = 200")
    result = two.run("purge", "--older-than", "30", "--yes")
    assert "Purged 3 rows.\n" in result.stdout
    assert two.kept() == ["one_public_comments", "two_public_posts"]
    assert two.run("purge", "--older-than", "30", "--yes").stdout == "Nothing to purge.\n"


def test_revisions_that_the_scripts_lack(two: Workplace) -> None:
    """What was squashed away can be restored by no downgrade."""
    assert two.run("purge", "--unknown", "--yes").stdout == "Nothing to purge.\n"
    (two.path / "migrations" / "versions" / "2.py").unlink()
    assert two.run("purge", "--unknown", "--yes").exit_code == 0
    assert two.kept() == ["one_public_comments", "one_public_posts"]


@pytest.mark.usefixtures("terminal")
def test_a_no_leaves_all_as_it_was(two: Workplace) -> None:
    """Asked after it was said what is lost."""
    result = two.run("purge", "--all", answer="n\n")
    assert result.exit_code == 2
    assert "  3 rows of public.posts, revision one\n" in result.stdout
    assert result.stdout.endswith("Nothing was changed.\n")
    assert len(two.kept()) == 3


@pytest.mark.usefixtures("terminal")
def test_a_yes_goes_on(two: Workplace) -> None:
    """The same answer that ``--yes`` gives."""
    assert two.run("purge", "--all", answer="y\n").exit_code == 0
    assert two.kept() == []


def test_without_a_terminal_it_takes_a_yes(two: Workplace) -> None:
    """A cron job that forgets it loses nothing."""
    result = two.run("purge", "--all")
    assert (result.exit_code, result.stderr) == (2, REFUSED)
    assert len(two.kept()) == 3


@pytest.mark.parametrize("arguments", [[], ["one", "--all"], ["--unknown", "--older-than", "3"]])
def test_what_to_purge_is_said_once(two: Workplace, arguments: list[str]) -> None:
    """Two answers may be two meanings."""
    result = two.run("purge", *arguments, "--yes")
    assert result.exit_code == 2
    assert "Say what to purge: one of REVISION, --older-than, --unknown and --all." in result.stderr
    assert len(two.kept()) == 3


def test_rows_that_came_meanwhile_are_not_purged(two: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is lost is what was shown."""

    def asked(*_: object, **__: object) -> None:
        two.execute(
            "INSERT INTO alembic_cascade.one_public_posts (cascade_key, cascade_constraint, cascade_reason, cascade_at)"
            " VALUES ('k', 'c', 'orphan', now())"
        )

    monkeypatch.setattr("alembic_cascade.cli.quarantine.confirm", asked)
    result = two.run("purge", "--all")
    assert result.exit_code == 2
    assert result.stderr == "error: The quarantine of public.posts was changed meanwhile. Nothing was purged.\n"
    assert len(two.kept()) == 3


def test_what_depends_on_a_table_is_an_error(two: Workplace) -> None:
    """Nothing is dropped that was not named."""
    two.execute("CREATE VIEW mine AS SELECT * FROM alembic_cascade.one_public_posts")
    result = two.run("purge", "--all", "--yes")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: cannot drop table alembic_cascade.one_public_posts because other objects")
    assert len(two.kept()) == 3


def test_nobody_is_asked_where_nobody_can_answer() -> None:
    """The tests' own standard input is no terminal."""
    assert not output.can_ask()
