"""Orphans of tables that inherit from others, by the old INHERITS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from orphans.settling import there_and_back, write_key

if TYPE_CHECKING:
    from project import Project

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")


def test_inheriting_tables_are_tables_of_their_own(project: Project) -> None:
    """A foreign key neither holds for rows of inheriting tables nor finds parents there."""
    project.execute(
        *USERS,
        "CREATE TABLE guests () INHERITS (users)",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        "CREATE TABLE drafts () INHERITS (posts)",
        "INSERT INTO guests VALUES (2)",
        "INSERT INTO posts VALUES (1, 1), (2, 2)",
        "INSERT INTO drafts VALUES (3, 3), (2, 2)",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"])
    upgraded = there_and_back(project)
    assert (upgraded["posts"], upgraded["drafts"]) == (["(1,1)"], ["(2,2)", "(3,3)"])


@pytest.mark.parametrize("strategy", ["quarantine", "set_null"])
def test_a_check_that_is_inherited_and_not_valid_refuses_no_row_of_old(project: Project, strategy: str) -> None:
    """It can be put out of the way only where it was made, on the table that the orphans' own inherits from."""
    project.execute(
        *USERS,
        "CREATE TABLE things (id int PRIMARY KEY, user_id int)",
        "CREATE TABLE posts (PRIMARY KEY (id)) INHERITS (things)",
        "INSERT INTO posts VALUES (1, 1), (2, 9)",
        "ALTER TABLE things ADD CONSTRAINT few CHECK (id < 2) NOT VALID",
        "COMMENT ON CONSTRAINT few ON things IS 'kept'",
    )
    write_key(project, "posts", "users", ["user_id"], ["id"], strategy=strategy)
    there_and_back(project)


def test_a_key_of_the_table_above_finds_its_own_orphans_only(project: Project) -> None:
    """Rows of the inheriting table, which has a key of its own name for the rest, stay."""
    project.execute(
        *USERS,
        "CREATE TABLE things (id int PRIMARY KEY, user_id int)",
        "CREATE TABLE posts (code int UNIQUE) INHERITS (things)",
        "CREATE TABLE comments (id int PRIMARY KEY, thing_id int REFERENCES things ON DELETE CASCADE)",
        "INSERT INTO things VALUES (1, 1), (2, 9)",
        "INSERT INTO posts VALUES (2, 9, 5)",
        "INSERT INTO comments VALUES (1, 1), (2, 2)",
    )
    write_key(project, "things", "users", ["user_id"], ["id"])
    upgraded = there_and_back(project)
    assert (upgraded["things"], upgraded["posts"], upgraded["comments"]) == (["(1,1)"], ["(2,9,5)"], ["(1,1)"])
