"""What migrations have made of a table since its rows were set aside: what fits comes back, what does not stays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from orphans.posts import FILL, STAYS, downgraded, hide, key_revision, make, quarantined, upgraded

if TYPE_CHECKING:
    from project import Project


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "alembic.cascade")


SINCE = {
    "allows no NULL": "ALTER TABLE posts ALTER note SET NOT NULL",
    "a column came that has to be filled": "ALTER TABLE posts ADD more int; UPDATE posts SET more = 1; "
    "ALTER TABLE posts ALTER more SET NOT NULL",
    "a column of theirs is gone": "ALTER TABLE posts DROP mood",
    "a column has another name": "ALTER TABLE posts RENAME mood TO feeling",
    "takes no such value": "ALTER TYPE mood RENAME TO old_mood; CREATE TYPE mood AS ENUM ('good'); "
    "ALTER TABLE posts ALTER mood TYPE mood USING mood::text::mood",
    "a type is narrower": "ALTER TABLE posts ALTER code TYPE smallint",
    "a domain is stricter": "ALTER DOMAIN few ADD CHECK (VALUE <> 5)",
}
ALL_STAY = {"a column came that has to be filled", "a column has another name"}


@pytest.mark.parametrize("reason", SINCE)
def test_what_the_table_takes_no_more(project: Project, caplog: pytest.LogCaptureFixture, reason: str) -> None:
    """Migrations go on after an upgrade; what does not fit any more is reported, not bent."""
    upgraded(
        project,
        "CREATE TYPE mood AS ENUM ('good', 'bad')", "CREATE DOMAIN few AS int",
        "ALTER TABLE posts ADD note text DEFAULT 'x', ADD mood mood, ADD code int, ADD few few",
        "UPDATE posts SET note = NULL, mood = 'bad', code = 99999, few = 5 WHERE id = 5",
        "UPDATE posts SET mood = 'good' WHERE id = 6",
        *(["UPDATE posts SET mood = 'good' WHERE id <> 5"] if reason in ALL_STAY else []),
        *(["UPDATE posts SET mood = NULL WHERE id <> 5"] if reason == "a column of theirs is gone" else []),
    )  # fmt: skip
    project.execute(*SINCE[reason].split("; "))
    (warning,) = downgraded(project, caplog)
    number = 6 if reason in ALL_STAY else 1
    assert f"{number} row{'s' if number > 1 else ''} of posts stay" in warning
    assert quarantined(project) == number
    assert project.fetch("SELECT count(*) FROM posts") == [(8 - number,)]


def test_a_new_column_with_a_default_is_in_nobodys_way(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """It fills itself, although something else is in the way of one row."""
    upgraded(project)
    project.execute(
        "ALTER TABLE posts ADD state text NOT NULL DEFAULT 'new' CHECK (state IS NOT NULL), ADD n int GENERATED ALWAYS AS IDENTITY",
        "INSERT INTO posts (id) VALUES (5)",
    )
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert project.fetch("SELECT id, state FROM posts WHERE id > 2 AND id <> 5 ORDER BY id") == [
        (n, "new") for n in (3, 4, 6, 7, 8)
    ]


def test_a_dependents_table_that_is_gone(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Its rows stay; those of the others come back."""
    upgraded(
        project,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO comments SELECT n, n FROM generate_series(1, 8) n",
    )
    project.execute("DROP TABLE comments")
    (warning,) = downgraded(project, caplog)
    assert "6 rows of public.comments stay" in warning
    assert warning.endswith(": their table is gone")
    assert project.fetch("SELECT count(*) FROM posts") == [(8,)]


def test_one_partition_has_a_rule_of_its_own(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """What a leaf refuses concerns its row; the rows of other leaves come back."""
    make(
        project,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (6)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (6) TO (100)",
        FILL,
    )
    hide(project, "posts_")
    key_revision(project, ondelete="CASCADE")
    project.upgrade()
    project.execute("ALTER TABLE posts_low ADD CONSTRAINT own CHECK (id <> 5)")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert project.fetch("SELECT count(*) FROM posts") == [(7,)]


def test_a_partition_that_is_gone(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Rows that have no place any more stay; the others come back."""
    make(
        project,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
        "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (6)",
        "CREATE TABLE posts_high PARTITION OF posts FOR VALUES FROM (6) TO (100)",
        FILL,
    )
    hide(project, "posts_")
    key_revision(project, ondelete="CASCADE")
    project.upgrade()
    project.execute("DROP TABLE posts_low")
    (warning,) = downgraded(project, caplog)
    assert "3 rows of posts stay in the quarantine table" in warning
    assert project.fetch("SELECT id FROM posts ORDER BY id") == [(6,), (7,), (8,)]


NOT_VALID = "ALTER TABLE posts ADD CONSTRAINT filled NOT NULL note NOT VALID"
NOT_ENFORCED = "ALTER TABLE posts ADD CONSTRAINT wished CHECK (note <> 'bad') NOT ENFORCED"


@pytest.mark.filterwarnings("ignore:Could not parse CHECK")
@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
@pytest.mark.parametrize("constraint", [NOT_VALID, NOT_ENFORCED], ids=["not valid", "not enforced"])
def test_rules_of_postgresql_18_that_hold_for_no_row_of_old(
    project: Project, caplog: pytest.LogCaptureFixture, constraint: str, rule: str
) -> None:
    """A row that was let pass before is let pass on its way back, even where another row is in somebody's way."""
    if project.fetch("SELECT current_setting('server_version_num')::int")[0][0] < 180000:
        pytest.skip("NOT NULL as NOT VALID, and CHECK as NOT ENFORCED, came with PostgreSQL 18")
    old = "NULL" if constraint is NOT_VALID else "'bad'"
    upgraded(
        project, "ALTER TABLE posts ADD note text DEFAULT 'x'", f"UPDATE posts SET note = {old} WHERE id IN (5, 6)", constraint,
        rule=rule,
    )  # fmt: skip
    if rule == "CASCADE":
        project.execute("INSERT INTO posts (id, user_id) VALUES (8, 1)")
    warnings = downgraded(project, caplog)
    assert len(warnings) == (1 if rule == "CASCADE" else 0)
    assert project.fetch("SELECT id, user_id FROM posts WHERE id IN (5, 6) ORDER BY id") == [(5, 105), (6, 106)]
    assert project.fetch("SELECT count(*) FROM pg_constraint WHERE conname IN ('filled', 'wished')") == [(1,)]


def test_a_check_that_raises_an_error_of_its_own(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """A check may call a function that says no in its own words."""
    upgraded(project)
    project.execute(
        "CREATE FUNCTION fine(n int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN"
        " IF n = 5 THEN RAISE 'five is not fine'; END IF; RETURN true; END $$",
        "ALTER TABLE posts ADD CHECK (fine(id))",
    )
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert project.fetch("SELECT count(*) FROM posts") == [(7,)]


def test_a_value_too_long_for_a_new_index(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """An index that came since takes no value of more than a third of a page."""
    upgraded(
        project, "ALTER TABLE posts ADD note text DEFAULT 'x'",
        "UPDATE posts SET note = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) n) WHERE id = 5",
    )  # fmt: skip
    project.execute("CREATE INDEX ON posts (note)")
    (warning,) = downgraded(project, caplog)
    assert warning.startswith(STAYS)
    assert project.fetch("SELECT count(*) FROM posts") == [(7,)]
