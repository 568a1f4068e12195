"""``quarantine restore``: back to where the rows were."""

from __future__ import annotations

import pytest
from workplace import KEY, Workplace, cleaned

USERS = "INSERT INTO users VALUES (5, 'eve@example.org'), (6, 'fay@example.org')"
POSTS = "SELECT id, user_id FROM posts ORDER BY id"


def test_everything_of_the_revision_comes_back(blog: Workplace) -> None:
    """Posts before their comments, and nothing of the quarantine is left behind."""
    result = blog.run("restore", "one", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "restored 2 rows of comments, 3 rows of posts\n"
    assert blog.fetch(POSTS) == [(10, 1), (20, 5), (30, 5), (40, 6)]
    assert blog.fetch("SELECT id FROM comments ORDER BY id") == [(100,), (200,), (300,)]
    assert blog.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'alembic_cascade'") == []


def test_one_key_of_several(blog: Workplace) -> None:
    """The other one's rows stay where they are."""
    blog.execute("CREATE TABLE files (id integer PRIMARY KEY, owner_id integer)", "INSERT INTO files VALUES (1, 9)")
    files = "op.clean_orphans('files', 'users', ['owner_id'], ['id'], strategy='quarantine', revision=revision)"
    blog.execute("INSERT INTO posts VALUES (50, 7, NULL)")
    blog.migrate("two", cleaned(), files)
    result = blog.run("restore", "two", "--key", "public.files(owner_id) -> public.users(id)", "--yes")
    assert (result.exit_code, result.stdout) == (0, "restored 1 row of files\n")
    assert [table["table"] for table in blog.json("list") if table["revision"] == "two"] == ["posts"]


def test_conflicts_are_warnings_and_the_rest_comes_back(blog: Workplace) -> None:
    """Somebody has taken an id meanwhile: CI sees it by the status, a person by the words."""
    blog.execute(
        USERS, "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users", "INSERT INTO posts VALUES (30, 1)"
    )
    result = blog.run("restore", "one", "--yes")
    assert result.exit_code == 1
    assert result.stdout == "restored 2 rows of comments, 2 rows of posts\n"
    assert result.stderr.startswith(
        "warning: 1 row of posts stays in the quarantine table alembic_cascade.one_public_posts: "
    )
    assert blog.fetch(POSTS) == [(10, 1), (20, 5), (30, 1), (40, 6)]
    assert blog.kept() == ["one_public_posts"]


def test_old_values_come_back(blog: Workplace) -> None:
    """Where the row still has what it was left with."""
    blog.execute("INSERT INTO posts VALUES (50, 7, NULL), (60, 8, NULL)")
    blog.migrate("two", cleaned("set_null"))
    blog.execute("UPDATE posts SET user_id = 1 WHERE id = 60")
    result = blog.run("restore", "two", "--yes")
    assert result.exit_code == 1
    assert result.stdout == "restored values in 1 row of posts\n"
    assert "its value was changed since" in result.stderr
    assert blog.fetch("SELECT user_id FROM posts WHERE id IN (50, 60) ORDER BY id") == [(7,), (1,)]


def test_rows_are_found_in_whatever_schema_they_are_kept(blog: Workplace) -> None:
    """A revision says itself where it keeps them."""
    blog.execute("INSERT INTO posts VALUES (50, 7, 'Lost')")
    blog.migrate("two", cleaned("quarantine", ", quarantine_schema='Set \"aside\"'"))
    blog.execute("INSERT INTO posts VALUES (60, 8, 'Lost')")
    blog.migrate("three", cleaned("quarantine", ", quarantine_schema=None"))
    for revision in ("two", "three"):
        assert blog.run("restore", revision, "--yes").stdout == "restored 1 row of posts\n"
    assert [table["revision"] for table in blog.json("list")] == ["one", "one"]


def test_nothing_to_restore(blog: Workplace) -> None:
    """A key misspelt is answered with those that there are."""
    result = blog.run("restore", "two", "--yes")
    assert (result.exit_code, result.stdout) == (0, "Nothing to restore of the revision two.\n")
    result = blog.run("restore", "one", "--key", "posts.user_id", "--yes")
    assert result.exit_code == 0
    assert result.stdout == f"Nothing to restore of the revision one for the key posts.user_id.\nIts key: {KEY}\n"
    assert blog.kept() == ["one_public_comments", "one_public_posts"]


@pytest.mark.usefixtures("terminal")
def test_a_person_is_asked(blog: Workplace) -> None:
    """What is about to change is said in numbers."""
    result = blog.run("restore", "one", answer="n\n")
    assert result.exit_code == 2
    assert result.stderr.startswith("Put back 5 rows of the revision one, and values of 0 rows? [y/N]: ")
    assert result.stdout.endswith("Nothing was changed.\n")
    assert blog.fetch(POSTS) == [(10, 1)]
    result = blog.run("restore", "one", answer="y\n")
    assert result.exit_code == 0
    assert len(blog.fetch(POSTS)) == 4


def test_without_a_terminal_it_takes_a_yes(blog: Workplace) -> None:
    """A script that changes rows means it, or does not run."""
    result = blog.run("restore", "one")
    assert result.exit_code == 2
    assert result.stderr == ("error: There is no terminal to ask in. Nothing was changed. Say --yes if it is meant.\n")
    assert blog.fetch(POSTS) == [(10, 1)]


def test_a_table_that_is_gone_is_a_conflict(blog: Workplace) -> None:
    """Its rows stay, and the others come back."""
    blog.execute("DROP TABLE comments")
    result = blog.run("restore", "one", "--yes")
    assert result.exit_code == 1
    assert result.stdout == "restored 3 rows of posts\n"
    assert "2 rows of public.comments stay" in result.stderr
    assert "their table is gone" in result.stderr
