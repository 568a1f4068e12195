"""What is refused: with one clear error, before anything has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade import (
    ConfigError,
    OrphansNotRestored,
    OrphansNotSettled,
    OrphansRemain,
    TableNotFound,
)
from orphans.settling import kept, refused, rows, state, there_and_back, write_key

if TYPE_CHECKING:
    from project import Project

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")
POSTS = (*USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", "INSERT INTO posts VALUES (1, 1), (2, 9)")
KEY = ("posts", "users", ["user_id"], ["id"])


def test_null_in_a_not_null_column(project: Project) -> None:
    """Said before any row is looked at twice."""
    project.execute(*POSTS, "ALTER TABLE posts ALTER user_id SET NOT NULL")
    write_key(project, *KEY, strategy="set_null")
    error = refused(project, OrphansNotSettled, r"posts\.user_id can't be set to NULL: the column is NOT NULL")
    assert "posts.user_id -> users.id" in str(error)
    assert "'quarantine'" in str(error)


def test_null_in_a_column_whose_domain_takes_none(project: Project) -> None:
    """The column itself does not say so."""
    project.execute(
        *USERS, "CREATE DOMAIN filled AS int NOT NULL",
        "CREATE TABLE posts (id int PRIMARY KEY, user_id filled)", "INSERT INTO posts VALUES (2, 9)",
    )  # fmt: skip
    write_key(project, *KEY, strategy="set_null")
    refused(project, OrphansNotSettled, "domain filled does not allow null values")


@pytest.mark.parametrize("strategy", ["set_null", "set_default"])
@pytest.mark.parametrize(
    "key",
    ["", "UNIQUE (id, user_id)", "UNIQUE (user_id)", "EXCLUDE (id WITH =)"],
    ids=["none", "overlaps", "changes", "exclusion"],
)
def test_a_changed_row_that_could_not_be_found_again(project: Project, strategy: str, key: str) -> None:
    """No primary or unique key is left as it is by the change."""
    project.execute(
        *USERS, f"CREATE TABLE posts (id int, user_id int DEFAULT 1{', ' if key else ''}{key})",
        "CREATE UNIQUE INDEX partly ON posts (id) WHERE id > 0", "CREATE UNIQUE INDEX computed ON posts ((id + 1))",
        "INSERT INTO posts VALUES (1, 1), (2, 9)",
    )  # fmt: skip
    write_key(project, *KEY, strategy=strategy)
    refused(project, OrphansNotSettled, "posts.* primary or unique key")


def test_a_changed_row_whose_unique_key_is_null(project: Project) -> None:
    """NULL is no value to find a row by."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int UNIQUE, user_id int)", "INSERT INTO posts VALUES (NULL, 9), (2, 9)"
    )
    write_key(project, *KEY, strategy="set_null")
    refused(project, OrphansNotSettled, "posts.* primary or unique key")


def test_rows_without_a_key_are_quarantined_and_come_back(project: Project) -> None:
    """A removed row need not be found again; equal rows are as many as before."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int, user_id int)", "INSERT INTO posts VALUES (1, 1), (2, 9), (2, 9), (NULL, 9)"
    )
    write_key(project, *KEY)
    assert there_and_back(project)["posts"] == ["(1,1)"]


def test_samples_are_the_values_themselves(project: Project) -> None:
    """Up to five, whatever characters they hold."""
    project.execute(
        "CREATE TABLE users (name text PRIMARY KEY)", "INSERT INTO users VALUES ('x')",
        "CREATE TABLE posts (id int PRIMARY KEY, author text)", "INSERT INTO posts VALUES (1, 'Doe, Jane'), (2, 'a = (b)'), (3, 'it''s')",
    )  # fmt: skip
    write_key(project, "posts", "users", ["author"], ["name"], strategy="fail")
    error = refused(project, OrphansRemain)
    assert isinstance(error, OrphansRemain)
    assert error.count == 3
    assert set(error.samples) == {"Doe, Jane", "a = (b)", "it's"}


def test_no_more_than_five_samples(project: Project) -> None:
    """The message stays one that can be read."""
    project.execute(*POSTS, "INSERT INTO posts SELECT n, n FROM generate_series(10, 50) AS n")
    write_key(project, *KEY, strategy="fail")
    error = refused(project, OrphansRemain)
    assert isinstance(error, OrphansRemain)
    assert (error.count, error.samples) == (42, ("9", "10", "11", "12", "13"))


@pytest.mark.parametrize("match", [None, "FULL"])
def test_the_line_in_the_message_settles_them(project: Project, match: str | None) -> None:
    """It is there to be pasted."""
    project.execute(
        "CREATE SCHEMA s", "CREATE TABLE s.orders (id int, region text, PRIMARY KEY (id, region))", "INSERT INTO s.orders VALUES (1, 'x')",
        "CREATE TABLE lines (id int PRIMARY KEY, order_id int, region text)", "INSERT INTO lines VALUES (1, 1, 'x'), (2, 2, 'x'), (3, 3, NULL)",
    )  # fmt: skip
    written = f"match={match!r}" if match else ""
    write_key(
        project,
        "lines",
        "s.orders",
        ["order_id", "region"],
        ["id", "region"],
        strategy="fail",
        settling=written,
        rule=written,
    )
    pasted = str(refused(project, OrphansRemain)).partition("settle them by ")[2]
    assert pasted.startswith("op.clean_orphans('lines', 'orders', ")
    path = project.path / "versions" / "r1.py"
    path.write_text(
        path.read_text()
        .replace("    op.add_foreign_key", f"    {pasted}\n    op.add_foreign_key")
        .replace("    op.clean_orphans", "    0 and op.clean_orphans", 1)
    )
    project.upgrade()
    assert rows(project)["lines"] == (["(1,1,x)"] if match else ["(1,1,x)", "(3,3,)"])


def test_what_is_not_there(project: Project) -> None:
    """A table or a column that the revision names and the database lacks."""
    project.execute(*POSTS)
    write_key(project, "posts", "persons", ["user_id"], ["id"])
    refused(project, TableNotFound, "the table persons does not exist")


@pytest.mark.parametrize("columns", [(["author"], ["id"]), (["user_id"], ["number"]), (["user_id"], ["ctid"])])
def test_a_column_that_is_not_there(project: Project, columns: tuple[list[str], list[str]]) -> None:
    """The error names it."""
    project.execute(*POSTS)
    write_key(project, "posts", "users", *columns)
    absent = next(name for names in columns for name in names if name not in {"user_id", "id"})
    refused(project, OrphansNotSettled, f"has no column {absent}")


@pytest.mark.parametrize(
    "types", [("int", "text"), ("uuid", "int"), ("json", "json")], ids=["int and text", "uuid and int", "no equality"]
)
def test_values_that_can_not_be_compared(project: Project, types: tuple[str, str]) -> None:
    """A key between them would be refused as well."""
    project.execute(
        f"CREATE TABLE users (id {types[0]})", f"CREATE TABLE posts (id int PRIMARY KEY, user_id {types[1]})"
    )
    write_key(project, *KEY)
    refused(project, OrphansNotSettled, "operator does not exist")


CLEAN = "op.clean_orphans({}, revision=revision, strategy={!r}{})"
PLACE = "'posts', 'users', ['user_id'], ['id']"
BAD_CLEAN = {
    "strategy": CLEAN.format(PLACE, "on_delete", ""),
    "strategy of no name": CLEAN.format(PLACE, "archive", ""),
    "no strategy": "op.clean_orphans('posts', 'users', ['user_id'], ['id'], revision=revision, strategy=None)",
    "local_cols": CLEAN.format("'posts', 'users', 'user_id', ['id']", "fail", ""),
    "no local_cols": CLEAN.format("'posts', 'users', [], []", "fail", ""),
    "remote_cols": CLEAN.format("'posts', 'users', ['user_id'], ['id', 'more']", "fail", ""),
    "the same column twice": CLEAN.format("'posts', 'users', ['user_id', 'user_id'], ['id', 'id']", "fail", ""),
    "columns": CLEAN.format(PLACE, "set_null", ", columns=['id']"),
    "no columns": CLEAN.format(PLACE, "set_null", ", columns=[]"),
    "columns of another type": CLEAN.format(PLACE, "set_null", ", columns=5"),
    "columns of columns": CLEAN.format(PLACE, "set_null", ", columns=[['user_id']]"),
    "match": CLEAN.format(PLACE, "fail", ", match='PARTIAL'"),
    "match of another type": CLEAN.format(PLACE, "fail", ", match=['FULL']"),
    "to_cols": CLEAN.format(PLACE, "fail", ", to_cols=['a', 'b']"),
    "max_orphans over 1": CLEAN.format(PLACE, "fail", ", max_orphans=1.5"),
    "max_orphans below 0": CLEAN.format(PLACE, "fail", ", max_orphans=-1"),
    "max_orphans nan": CLEAN.format(PLACE, "fail", ", max_orphans=float('nan')"),
    "max_orphans True": CLEAN.format(PLACE, "fail", ", max_orphans=True"),
    "max_orphans text": CLEAN.format(PLACE, "fail", ", max_orphans='10%'"),
    "max_orphans beyond bigint": CLEAN.format(PLACE, "fail", ", max_orphans=2**70"),
    "quarantine_schema": CLEAN.format(PLACE, "fail", ", quarantine_schema=''"),
    "quarantine_schema pg_": CLEAN.format(PLACE, "fail", ", quarantine_schema='pg_x'"),
    "trust_valid_keys text": CLEAN.format(PLACE, "fail", ", trust_valid_keys='no'"),
    "trust_valid_keys None": CLEAN.format(PLACE, "fail", ", trust_valid_keys=None"),
    "if_exists text": CLEAN.format(PLACE, "fail", ", if_exists='yes'"),
    "revision": "op.clean_orphans('posts', 'users', ['user_id'], ['id'], revision=None, strategy='fail')",
    "empty revision": "op.clean_orphans('posts', 'users', ['user_id'], ['id'], revision='', strategy='fail')",
    "no table": CLEAN.format("'', 'users', ['user_id'], ['id']", "fail", ""),
    "a table that is no text": CLEAN.format("None, 'users', ['user_id'], ['id']", "fail", ""),
}
RESTORE = "op.restore_orphans({}, revision={}{})"
BAD_RESTORE = {
    "restore: local_cols": RESTORE.format("'posts', 'users', 'user_id', ['id']", "revision", ""),
    "restore: remote_cols": RESTORE.format("'posts', 'users', ['user_id'], []", "revision", ""),
    "restore: revision": RESTORE.format(PLACE, "7", ""),
    "restore: empty revision": RESTORE.format(PLACE, "''", ""),
    "restore: quarantine_schema": RESTORE.format(PLACE, "revision", ", quarantine_schema=5"),
    "restore: if_exists": RESTORE.format(PLACE, "revision", ", if_exists='yes'"),
}


@pytest.mark.parametrize("operation", [*BAD_CLEAN.values(), *BAD_RESTORE.values()], ids=[*BAD_CLEAN, *BAD_RESTORE])
def test_a_bad_argument_is_refused_by_its_name(project: Project, operation: str) -> None:
    """By the operation itself, whatever the database would say."""
    project.execute(*POSTS)
    project.write_revision(operation)
    refused(project, ConfigError)


@pytest.mark.parametrize(
    "rule", ["ON DELETE TO posts DO INSTEAD NOTHING", "ON DELETE TO posts DO ALSO DELETE FROM users WHERE id < 0"]
)
def test_a_rule_of_the_table(project: Project, rule: str) -> None:
    """Rules rewrite the statement that removes rows, and PostgreSQL takes none where it has several parts."""
    project.execute(*POSTS, f"CREATE RULE odd AS {rule}")
    write_key(project, *KEY)
    refused(project, OrphansNotSettled, "rule")


def test_a_rule_that_came_since(project: Project) -> None:
    """What was set aside stays where it is."""
    project.execute(*POSTS)
    write_key(project, *KEY)
    project.upgrade()
    project.execute("CREATE RULE odd AS ON INSERT TO posts DO INSTEAD NOTHING")
    upgraded, aside = state(project), kept(project)
    try:
        project.downgrade()
    except OrphansNotRestored:
        assert state(project) == upgraded
    assert kept(project) == aside


def test_a_trigger_that_removes_dependents_itself(project: Project) -> None:
    """PostgreSQL refuses to remove a row that a trigger of the same statement has removed."""
    project.execute(
        *POSTS, "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)", "INSERT INTO comments VALUES (1, 2)",
        "CREATE FUNCTION clear() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM comments WHERE post_id = OLD.id; RETURN OLD; END $$",
        "CREATE TRIGGER clear BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION clear()",
    )  # fmt: skip
    write_key(project, *KEY)
    refused(project, OrphansNotSettled, "trigger")


def test_a_trigger_that_refuses(project: Project) -> None:
    """What the user's trigger raises is told as it is, under the operation's name."""
    project.execute(
        *POSTS,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'posts are for ever'; END $$",
        "CREATE TRIGGER no BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION no()",
    )
    write_key(project, *KEY)
    error = refused(project, OrphansNotSettled, "posts are for ever")
    assert "posts.user_id -> users.id" in str(error)


def test_a_dependent_of_strategy_delete_is_refused_as_well(project: Project) -> None:
    """Deleting for good is no licence to break another key."""
    project.execute(
        *POSTS,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts)",
        "INSERT INTO comments VALUES (1, 2)",
    )
    write_key(project, *KEY, strategy="delete")
    refused(project, OrphansRemain, "1 row of comments refer by the key comments_post_id_fkey")
