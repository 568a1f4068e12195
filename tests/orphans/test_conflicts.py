"""What is in the way of a row on its way back: it stays in the quarantine, all others come back."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from alembic import command

from orphans.posts import FILL, POSTS, STAYS, downgraded, key_revision, make, quarantined, restore_again, upgraded

if TYPE_CHECKING:
    from project import Project


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "alembic.cascade")


UNIQUE = {
    "plain": ("ALTER TABLE posts ADD UNIQUE (code)", 5),
    "primary key and more": ("ALTER TABLE posts ADD UNIQUE (code, kind)", 5),
    "partial": ("CREATE UNIQUE INDEX u ON posts (code) WHERE kind = 'live' AND id > 0", 5),
    "expression": ("CREATE UNIQUE INDEX u ON posts (abs(code), lower(kind))", 5),
    "nulls not distinct": ("ALTER TABLE posts ADD UNIQUE NULLS NOT DISTINCT (code, id)", None),
    "deferrable": ("ALTER TABLE posts ADD UNIQUE (code) DEFERRABLE INITIALLY DEFERRED", 5),
    "exclusion": ("ALTER TABLE posts ADD EXCLUDE USING gist (int4range(code, code + 1) WITH &&)", 5),
    "deferrable exclusion": (
        "ALTER TABLE posts ADD EXCLUDE USING gist (int4range(code, code + 1) WITH &&) DEFERRABLE INITIALLY DEFERRED", 5,
    ),
    "index of another order": ("CREATE UNIQUE INDEX u ON posts (code DESC NULLS FIRST) INCLUDE (kind)", 5),
    "case insensitive": ("CREATE UNIQUE INDEX u ON posts (upper(kind || code))", 5),
}  # fmt: skip


@pytest.mark.parametrize("when", ["before", "since"])
@pytest.mark.parametrize("kind", [name for name in UNIQUE if name != "nulls not distinct"])
def test_a_unique_value_taken_by_another_row(
    project: Project, caplog: pytest.LogCaptureFixture, kind: str, when: str
) -> None:
    """Whatever makes values unique: the one row stays, five come back, and the rest once it can."""
    statement, taken = UNIQUE[kind]
    columns = ("ALTER TABLE posts ADD code int, ADD kind text DEFAULT 'live'", "UPDATE posts SET code = id")
    revision = upgraded(project, *columns, *([statement] if when == "before" else []))
    project.execute(*([statement] if when == "since" else []), f"INSERT INTO posts VALUES (90, 1, {taken}, 'live')")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert project.fetch("SELECT id FROM posts ORDER BY id") == [(n,) for n in (1, 2, 3, 4, 6, 7, 8, 90)]
    assert quarantined(project) == 1
    project.execute("DELETE FROM posts WHERE id = 90")
    restore_again(project, revision)
    assert project.fetch("SELECT id, user_id, code FROM posts WHERE id = 5") == [(5, 105, 5)]
    assert not project.fetch("SELECT FROM pg_namespace WHERE nspname = 'alembic_cascade'")


def test_a_null_taken_where_nulls_are_equal(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """UNIQUE NULLS NOT DISTINCT takes one NULL."""
    upgraded(project, "ALTER TABLE posts ADD code int", "UPDATE posts SET code = nullif(id, 5)",
             "ALTER TABLE posts ADD UNIQUE NULLS NOT DISTINCT (code)")  # fmt: skip
    project.execute("INSERT INTO posts VALUES (90, 1, NULL)")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert quarantined(project) == 1


def test_the_primary_key_taken_by_another_row(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """The other row is not overwritten, and what depends on the old row is not given to the new one."""
    revision = upgraded(
        project,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO comments SELECT n, n FROM generate_series(1, 8) n",
    )
    project.execute("INSERT INTO posts VALUES (5, 2)")
    warnings = downgraded(project, caplog)
    assert any(warning.startswith(STAYS) and "posts_pkey" in warning for warning in warnings)
    assert project.fetch("SELECT * FROM posts WHERE id = 5") == [(5, 2)]
    assert project.fetch("SELECT count(*) FROM posts") == [(8,)]
    assert project.fetch("SELECT * FROM comments WHERE post_id = 5") == []
    project.execute("DELETE FROM posts WHERE id = 5")
    restore_again(project, revision)
    assert project.fetch("SELECT * FROM posts WHERE id = 5") == [(5, 105)]
    assert project.fetch("SELECT * FROM comments WHERE post_id = 5") == [(5, 5)]


def test_two_rows_of_which_a_new_rule_allows_one(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """They stood side by side before; now the others should not suffer from these two."""
    upgraded(project, "ALTER TABLE posts ADD code int", "UPDATE posts SET code = CASE WHEN id > 6 THEN 7 ELSE id END")
    project.execute("ALTER TABLE posts ADD UNIQUE (code)")
    warnings = downgraded(project, caplog)
    assert len(warnings) == 1
    assert project.fetch("SELECT id FROM posts WHERE id < 7 ORDER BY id") == [(n,) for n in range(1, 7)]
    assert project.fetch("SELECT count(*) FROM posts")[0][0] + quarantined(project) == 8


def test_rows_that_a_new_check_refuses(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """The check is named, whatever its columns are called."""
    revision = upgraded(project)
    project.execute("ALTER TABLE posts ADD CONSTRAINT small CHECK (id <> 5 AND user_id > 0)")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert warning.endswith(": the check small refuses them")
    assert quarantined(project) == 1
    project.execute("ALTER TABLE posts DROP CONSTRAINT small")
    restore_again(project, revision)
    assert project.fetch("SELECT count(*) FROM posts WHERE user_id > 100") == [(6,)]


@pytest.mark.parametrize("name", ["id", "key", "store", "at", "changes", "problem", "done", "cascade_id", "restored"])
def test_a_check_on_a_column_called_like_ours(project: Project, caplog: pytest.LogCaptureFixture, name: str) -> None:
    """A table names its columns as it likes."""
    added = () if name == "id" else (f"ALTER TABLE posts ADD {name} int", f"UPDATE posts SET {name} = id")
    upgraded(project, *added, f"ALTER TABLE posts ADD CONSTRAINT own CHECK ({name} > 0)")
    project.execute("INSERT INTO posts (id, user_id) VALUES (5, 1)")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert quarantined(project) == 1


def test_the_parent_by_another_key_is_gone(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """The row stays, and with it what depends on it; both come back with the parent."""
    make(
        project, *POSTS,
        "CREATE TABLE replies (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE, "
        "reply_to int REFERENCES replies ON DELETE SET NULL)",
        "CREATE TABLE topics (id int PRIMARY KEY)", "INSERT INTO topics SELECT generate_series(1, 8)",
        "ALTER TABLE posts ADD topic int REFERENCES topics", "UPDATE posts SET topic = id",
        "INSERT INTO replies SELECT n, n, n % 8 + 1 FROM generate_series(1, 8) n",
    )  # fmt: skip
    project.options["include_object"] = lambda _item, name, *_: name in {None, "posts", "users", "id", "user_id"}
    revision = key_revision(project, ondelete="CASCADE").revision
    project.upgrade()
    project.execute("DELETE FROM topics WHERE id = 5")
    warnings = downgraded(project, caplog)
    assert len(warnings) >= 2
    assert project.fetch("SELECT id FROM posts ORDER BY id") == [(n,) for n in (1, 2, 3, 4, 6, 7, 8)]
    assert not project.fetch("SELECT FROM replies WHERE post_id = 5")
    # Each answers the next: where one stays, those before it stay.
    assert project.fetch("SELECT id FROM replies ORDER BY id") == [(n,) for n in (1, 2, 6, 7, 8)]
    project.execute("INSERT INTO topics VALUES (5)")
    restore_again(project, revision)
    assert project.fetch("SELECT count(*) FROM replies WHERE reply_to = id % 8 + 1") == [(8,)]
    assert quarantined(project) == 0


@pytest.mark.parametrize("rule", ["SET NULL", "SET DEFAULT"])
def test_values_changed_and_rows_deleted_since_are_left_as_they_are(
    project: Project, caplog: pytest.LogCaptureFixture, rule: str
) -> None:
    """What somebody wrote after the upgrade is not overwritten."""
    upgraded(project, rule=rule)
    project.execute("UPDATE posts SET user_id = 2 WHERE id = 5", "DELETE FROM posts WHERE id = 6")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith("posts.user_id -> users.id: values of 2 rows of posts stay in the quarantine table")
    assert project.fetch("SELECT id, user_id FROM posts ORDER BY id") == [
        (1, 1), (2, 1), (3, 103), (4, 104), (5, 2), (7, 107), (8, 108),
    ]  # fmt: skip
    assert quarantined(project) == 2


@pytest.mark.parametrize(
    "since",
    [
        "ALTER TABLE posts ADD CONSTRAINT own CHECK (user_id IS DISTINCT FROM 105)",
        "ALTER TABLE posts ALTER user_id TYPE smallint",
        "INSERT INTO posts VALUES (90, 105); ALTER TABLE posts ADD UNIQUE (user_id)",
    ],
)
def test_an_old_value_that_is_refused_stays_alone(
    project: Project, caplog: pytest.LogCaptureFixture, since: str
) -> None:
    """The others are put back one by one."""
    make(project, *POSTS, "UPDATE posts SET user_id = 90000 WHERE id = 5" if "smallint" in since else "SELECT 1")
    key_revision(project, ondelete="SET NULL")
    project.upgrade()
    if "UNIQUE" in since:
        project.execute("DELETE FROM posts WHERE id = 2", "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey")
        project.execute(*since.split("; "), "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) "
                        "REFERENCES users NOT VALID")  # fmt: skip
    else:
        project.execute(since)
    (warning,) = downgraded(project, caplog)
    assert "values of 1 row of posts stay" in warning
    assert re.search("the old value is refused|takes no such value", warning)
    assert project.fetch("SELECT count(*) FROM posts WHERE user_id > 100 AND id < 9") == [(5,)]


@pytest.mark.parametrize("state", ["stamped", "purged", "clean"])
def test_nothing_to_restore_is_a_line_of_the_log(
    project: Project, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    """A squashed or stamped revision never took anything; a quarantine may have been purged."""
    make(project, "CREATE TABLE posts (id int PRIMARY KEY, user_id int)", *([FILL] if state != "clean" else []))
    key_revision(project, ondelete="CASCADE")
    if state == "stamped":
        project.execute("DELETE FROM posts WHERE user_id > 100",
                        "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE")  # fmt: skip
        command.stamp(project.config, "head")
    else:
        project.upgrade()
        project.execute("DROP SCHEMA IF EXISTS alembic_cascade CASCADE")
    assert downgraded(project, caplog) == []
    assert any("posts.user_id -> users.id: nothing to restore" in record.getMessage() for record in caplog.records)


def test_rows_that_refer_to_each_other_come_back_although_a_third_is_refused(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither of the two can be put back alone; what only an INSERT can tell is in the way of the third."""
    upgraded(
        project, "ALTER TABLE posts ADD twin int REFERENCES posts ON DELETE CASCADE",
        "UPDATE posts SET twin = CASE id WHEN 3 THEN 4 WHEN 4 THEN 3 WHEN 6 THEN 6 WHEN 7 THEN 8 END",
        "ALTER TABLE posts ADD code int", "UPDATE posts SET code = id",
        "ALTER TABLE posts ADD EXCLUDE USING gist (int4range(code, code + 1) WITH &&)",
    )  # fmt: skip
    project.execute("INSERT INTO posts (id, user_id, code) VALUES (90, 1, 5)")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert project.fetch("SELECT id, twin FROM posts WHERE id BETWEEN 3 AND 8 ORDER BY id") == [
        (3, 4), (4, 3), (6, 6), (7, 8), (8, None),
    ]  # fmt: skip
