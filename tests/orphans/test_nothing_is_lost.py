"""Values that change with others, rows that are kept twice, parents that stay: none is lost, none is mistaken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from project import cascade_log
from psql import run_script

from alembic_cascade import OrphansNotSettled

if TYPE_CHECKING:
    from project import Project

USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (3)")
KEY = "'{table}', 'users', ['user_id'], ['id']"


def write(project: Project, strategy: str, *tables: str) -> None:
    """A revision that settles the orphans of each table, and puts them back in the opposite order."""
    clean = [f"op.clean_orphans({KEY.format(table=t)}, strategy={strategy!r}, revision=revision)" for t in tables]
    restore = [f"op.restore_orphans({KEY.format(table=t)}, revision=revision)" for t in reversed(tables)]
    project.write_revision("\n".join(clean), "\n".join(restore))


def rows(project: Project, table: str) -> list[str]:
    return [row[0] for row in project.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")]


@pytest.mark.parametrize("feeds", ["generated", "trigger"])
def test_what_follows_a_value_made_of_the_changed_one_is_kept(project: Project, feeds: str) -> None:
    """The database changes it by ON UPDATE CASCADE, two steps away from the column that the operation names."""
    generated = "int GENERATED ALWAYS AS (user_id * 10) STORED UNIQUE" if feeds == "generated" else "int UNIQUE"
    project.execute(*USERS, f"CREATE TABLE posts (id int PRIMARY KEY, user_id int, code {generated})")
    if feeds == "trigger":
        project.execute(
            "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.code := NEW.user_id * 10; RETURN NEW; END $$",
            "CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION fill()",
        )
    project.execute(
        "CREATE TABLE notes (id int PRIMARY KEY, code int REFERENCES posts (code) ON UPDATE CASCADE)",
        "INSERT INTO posts (id, user_id) VALUES (1, 7)", "INSERT INTO notes VALUES (1, 70)",
    )  # fmt: skip
    write(project, "set_null", "posts")
    project.upgrade()
    assert (rows(project, "posts"), rows(project, "notes")) == (["(1,,)"], ["(1,)"])
    project.downgrade()
    assert (rows(project, "posts"), rows(project, "notes")) == (["(1,7,70)"], ["(1,70)"])


def test_of_two_rows_with_one_key_the_later_comes_back(project: Project) -> None:
    """The earlier one was in the way of nothing when it was taken; the later one's children are not its own."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int, title text)",
        "CREATE TABLE notes (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO posts VALUES (1, 99, 'first')", "INSERT INTO notes VALUES (1, 1)",
    )  # fmt: skip
    write(project, "quarantine", "posts")
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (1, 3, 'second')", "INSERT INTO notes VALUES (2, 1)")
    project.downgrade()
    project.execute("UPDATE posts SET user_id = 98")
    project.upgrade()
    project.downgrade()
    assert (rows(project, "posts"), rows(project, "notes")) == (["(1,98,second)"], ["(2,1)"])


def test_of_two_values_of_one_row_the_later_comes_back(project: Project) -> None:
    """The earlier one was given up by whoever changed the row meanwhile."""
    project.execute(*USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", "INSERT INTO posts VALUES (1, 99)")
    write(project, "set_null", "posts")
    project.upgrade()
    project.execute("UPDATE posts SET user_id = 3")
    project.downgrade()
    project.execute("UPDATE posts SET user_id = 98")
    project.upgrade()
    project.downgrade()
    assert rows(project, "posts") == ["(1,98)"]


def test_a_row_waits_for_its_parent_that_another_key_took(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Somebody else's row has the parent's key by now."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int, title text)",
        "CREATE TABLE notes (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE, user_id int)",
        "INSERT INTO posts VALUES (1, 99, 'mine')", "INSERT INTO notes VALUES (1, 1, 98)",
    )  # fmt: skip
    write(project, "quarantine", "notes", "posts")
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (1, 3, 'a stranger')")
    caplog.set_level(logging.WARNING, "alembic.cascade")
    project.downgrade()
    assert rows(project, "notes") == []
    assert any("notes_post_id_fkey stays, too" in line for line in cascade_log(caplog.records))


def test_a_value_that_would_be_cut_stays(project: Project) -> None:
    """A column has become narrower since: cut or rounded, the rest would be lost with the quarantine."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int, title varchar(50), price numeric(10, 4))",
        "INSERT INTO posts VALUES (1, 9, 'a long title', 1), (2, 9, 'b', 1.2345), (3, 9, 'c', 2.5)",
    )  # fmt: skip
    write(project, "quarantine", "posts")
    project.upgrade()
    project.execute("ALTER TABLE posts ALTER title TYPE varchar(5), ALTER price TYPE numeric(10, 1)")
    project.downgrade()
    assert rows(project, "posts") == []
    project.execute("ALTER TABLE posts ALTER title TYPE varchar(50), ALTER price TYPE numeric(10, 4)")
    (revision,) = project.fetch(
        "SELECT obj_description(oid)::json ->> 'revision' FROM pg_class WHERE relname LIKE 'r1%posts'"
    )
    assert revision == ("r1",)
    project.upgrade()
    project.downgrade()
    assert rows(project, "posts") == ['(1,9,"a long title",1.0000)', "(2,9,b,1.2345)", "(3,9,c,2.5000)"]


@pytest.mark.parametrize(
    "constraint", ["CHECK (user_id IS NOT NULL) NOT VALID", "FOREIGN KEY (user_id) REFERENCES owners NOT VALID"]
)
def test_what_holds_for_new_values_holds_for_ours(project: Project, constraint: str) -> None:
    """A constraint that is NOT VALID on account of old rows refuses a new NULL, or a new default, as ever."""
    project.execute(
        *USERS, "CREATE TABLE owners (id int PRIMARY KEY)", "CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 3)",
        "INSERT INTO posts VALUES (1, 9)", f"ALTER TABLE posts ADD CONSTRAINT rule {constraint}",
    )  # fmt: skip
    write(project, "set_null" if constraint.startswith("CHECK") else "set_default", "posts")
    with pytest.raises(OrphansNotSettled, match="rule"):
        project.upgrade()
    assert rows(project, "posts") == ["(1,9)"]


def test_constraints_of_others_that_are_put_off_are_nobodys_business(project: Project) -> None:
    """Another session's temporary table may have one, at any moment."""
    project.execute(*USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", "INSERT INTO posts VALUES (1, 9)")
    write(project, "quarantine", "posts")
    with project.engine.connect() as other:
        other.exec_driver_sql("CREATE TEMPORARY TABLE t (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
        other.commit()
        project.upgrade()
    assert rows(project, "posts") == []


def test_a_valid_partition_of_a_key_that_is_not_stays_valid(project: Project) -> None:
    """Partitions are validated one by one; a restore puts the check of the root out of the way meanwhile."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int, n int) PARTITION BY RANGE (id)",
        "CREATE TABLE low PARTITION OF posts FOR VALUES FROM (0) TO (10)", "INSERT INTO posts VALUES (1, 9, 1)",
        "ALTER TABLE posts ADD CONSTRAINT positive CHECK (n > 0) NOT VALID", "ALTER TABLE low VALIDATE CONSTRAINT positive",
        "COMMENT ON CONSTRAINT positive ON low IS 'seen'",
    )  # fmt: skip
    found = (
        "SELECT conrelid::regclass::text, convalidated, obj_description(oid) FROM pg_constraint "
        "WHERE conname = 'positive' ORDER BY 1"
    )
    start = project.fetch(found)
    write(project, "quarantine", "posts")
    project.upgrade()
    project.downgrade()
    assert project.fetch(found) == start


def test_conflicts_of_two_keys_in_one_script(project: Project) -> None:
    """The functions of a script are made once, and called for each key."""
    project.execute(*USERS)
    for table in ("posts", "pages"):
        project.execute(
            f"CREATE TABLE {table} (id int PRIMARY KEY, user_id int)", f"INSERT INTO {table} VALUES (1, 99)",
            f"CREATE TABLE of_{table} (id int PRIMARY KEY, up int REFERENCES {table} ON DELETE CASCADE)",
            f"INSERT INTO of_{table} VALUES (1, 1)",
        )  # fmt: skip
    write(project, "quarantine", "posts", "pages")
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (1, 3)", "INSERT INTO pages VALUES (1, 3)")
    run_script(project.url, project.downgrade_script("head:base"))
    assert [rows(project, table) for table in ("posts", "pages", "of_posts")] == [["(1,3)"], ["(1,3)"], []]


@pytest.mark.parametrize("what", ["CHECK (posts IS NOT NULL)", "a view"])
def test_a_conflict_is_told_and_no_error(project: Project, what: str) -> None:
    """A check of whole rows, or a view on the quarantine, must not stop a downgrade."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", "INSERT INTO posts VALUES (1, 9), (2, 9)"
    )
    write(project, "quarantine", "posts")
    project.upgrade()
    if what == "a view":
        project.execute("CREATE VIEW seen AS SELECT * FROM alembic_cascade.r1_public_posts")
    else:
        project.execute(f"ALTER TABLE posts ADD {what}", "INSERT INTO posts VALUES (1, 3)")
    project.downgrade()
    assert rows(project, "posts") == (["(1,9)", "(2,9)"] if what == "a view" else ["(1,3)", "(2,9)"])


@pytest.mark.parametrize(
    ("fate", "rule"),
    [
        ("CASCADE", ""), ("CASCADE", "ON UPDATE CASCADE"), ("CASCADE", "ON UPDATE SET NULL"),
        ("SET NULL", "ON UPDATE CASCADE"), ("SET NULL", "ON UPDATE SET NULL"),
    ],
)  # fmt: skip
def test_a_row_that_goes_refers_to_a_value_that_changes(project: Project, fate: str, rule: str) -> None:
    """One statement does both, and keys act at its end: no order of ours can be the wrong one."""
    project.execute(
        *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        "CREATE TABLE heads (id int PRIMARY KEY, post_id int UNIQUE REFERENCES posts ON DELETE SET NULL)",
        f"CREATE TABLE notes (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE {fate}, head int REFERENCES heads (post_id) {rule})",
        "INSERT INTO posts VALUES (1, 99), (2, 3)", "INSERT INTO heads VALUES (1, 1), (2, 2)", "INSERT INTO notes VALUES (1, 1, 1), (2, 2, 2)",
    )  # fmt: skip
    write(project, "quarantine", "posts")
    start = [rows(project, table) for table in ("posts", "heads", "notes")]
    project.upgrade()
    assert [rows(project, table) for table in ("posts", "heads", "notes")] == [
        ["(2,3)"], ["(1,)", "(2,2)"], ["(2,2,2)"] if fate == "CASCADE" else ["(1,,)", "(2,2,2)"],
    ]  # fmt: skip
    project.downgrade()
    assert [rows(project, table) for table in ("posts", "heads", "notes")] == start
