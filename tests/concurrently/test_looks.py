"""The look before a key stands: it refuses what the settling would refuse, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from orphans.settling import state
from project import cascade_log

from alembic_cascade import CascadeConfig, OrphansNotSettled, OrphansRemain, TooManyOrphans, configure_options
from alembic_cascade.concurrently import steps
from alembic_cascade.errors import CascadeError
from concurrently.settled_posts import KEY, POSTS, block, settled

if TYPE_CHECKING:
    from project import Project


REFUSED: dict[str, tuple[type[CascadeError], str, str, tuple[str, ...]]] = {
    "fail": (OrphansRemain, "strategy='fail'", "7 rows of posts by .* have no parent: user_id = 102, 103", ()),
    "too many": (TooManyOrphans, "strategy='quarantine', max_orphans=6", "7 rows of posts have no parent", ()),
    "no parent at all": (TooManyOrphans, "strategy='quarantine'", "users is empty", ("DELETE FROM users",)),
    "NO ACTION": (
        OrphansRemain, "strategy='quarantine'", "1 row of likes refer by the key likes_post_id_fkey",
        ("CREATE TABLE likes (post_id int REFERENCES posts)", "INSERT INTO likes VALUES (2)"),
    ),
    "NOT NULL": (
        OrphansNotSettled, "strategy='set_null'", "the column is NOT NULL", ("ALTER TABLE posts ALTER user_id SET NOT NULL",),
    ),
    "a default without a parent": (
        OrphansNotSettled, "strategy='set_default'", "set to the default, 7 rows of posts would still have no parent",
        ("ALTER TABLE posts ALTER user_id SET DEFAULT 77",),
    ),
    "a domain's default without a parent": (
        OrphansNotSettled, "strategy='set_default'", "set to the default, 7 rows of posts would still have no parent",
        ("CREATE DOMAIN reference AS int DEFAULT 77", "ALTER TABLE posts ALTER user_id TYPE reference"),
    ),
    "a default of nothing in a column that is NOT NULL": (
        OrphansNotSettled, "strategy='set_default'", "the column is NOT NULL",
        ("ALTER TABLE posts ALTER user_id SET NOT NULL",),
    ),
    "no key to find a row by": (
        OrphansNotSettled, "strategy='set_null'", "no primary or unique key", ("ALTER TABLE posts DROP CONSTRAINT posts_pkey",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("error", "how", "message", "setup"), REFUSED.values(), ids=REFUSED)
def test_the_look_before_refuses_what_the_settling_would(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    error: type[CascadeError],
    how: str,
    message: str,
    setup: tuple[str, ...],
) -> None:
    """Nothing is changed by then, and nobody was kept waiting."""
    monkeypatch.setattr(steps, "TRIES", 1)
    settled(project, *POSTS, *setup)
    path = project.path / "versions" / "r1.py"
    look = f"        op.clean_orphans({KEY}, {how}, revision=revision, check_only=True, concurrently=True)\n"
    path.write_text(path.read_text().replace("autocommit_block():\n", f"autocommit_block():\n{look}", 1))
    start = state(project)
    with project.engine.connect() as writer:
        writer.exec_driver_sql("LOCK TABLE posts, users IN ROW EXCLUSIVE MODE")
        with pytest.raises(CascadeError, match=message) as refused:
            project.upgrade()
    assert type(refused.value) is error
    assert "Nothing was changed" in str(refused.value)
    assert state(project) == start


def test_the_look_before_refuses_what_match_full_would(project: Project) -> None:
    """One column of two cleared is no reference that MATCH FULL takes."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.execute(
        "CREATE TABLE lines (a int, b int, PRIMARY KEY (a, b))",
        "INSERT INTO lines VALUES (1, 1)",
        "CREATE TABLE notes (id int PRIMARY KEY, a int, b int)",
        "INSERT INTO notes VALUES (1, 1, 1), (2, 1, 2), (3, NULL, NULL)",
    )
    project.write_revision(block(
        "op.clean_orphans('notes', 'lines', ['a', 'b'], ['a', 'b'], strategy='set_null', columns=['b'], "
        "match='FULL', revision=revision, check_only=True, concurrently=True)"
    ))  # fmt: skip
    with pytest.raises(OrphansNotSettled, match="1 row of notes would still have no parent: MATCH FULL wants all"):
        project.upgrade()


def test_a_look_that_finds_nothing_says_nothing(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """And settles nothing, either."""
    caplog.set_level("INFO", "alembic.cascade")
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.execute(*POSTS)
    project.write_revision(
        block(f"op.clean_orphans({KEY}, strategy='quarantine', revision=revision, check_only=True, concurrently=True)")
    )
    start = state(project)
    project.upgrade()
    assert state(project) == start
    assert cascade_log(caplog.records) == []


@pytest.mark.parametrize(("default", "passes"), [(105, True), (5, False)])
def test_a_default_is_judged_by_the_column_that_references_are_translated_to(
    project: Project, default: int, passes: bool
) -> None:
    """It is set after the translation."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY, code int UNIQUE)",
        "INSERT INTO users SELECT n, 100 + n FROM generate_series(1, 9) AS n",
        f"CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT {default})",
        "INSERT INTO posts SELECT n, n FROM generate_series(1, 12) AS n",
        "ALTER TABLE posts ADD CONSTRAINT made FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET DEFAULT NOT VALID",
    )
    project.write_revision(
        block(
            "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='set_default', revision=revision, "
            "to_cols=['code'], check_only=True, concurrently=True)",
            "op.alter_foreign_key('made', 'posts', 'users', ['user_id'], ['code'], ondelete='SET DEFAULT', not_valid=True, "
            "existing_remote_cols=['id'], translate=True, concurrently=True)",
            "op.clean_orphans('posts', 'users', ['user_id'], ['code'], strategy='set_default', revision=revision, "
            "concurrently=True)",
            "op.alter_foreign_key('made', 'posts', 'users', ['user_id'], ['code'], ondelete='SET DEFAULT', "
            "not_valid=False, existing_not_valid=True, concurrently=True)",
        )
    )
    before = state(project)
    if passes:
        project.upgrade()
        assert project.fetch("SELECT count(*) FROM posts WHERE user_id = 105") == [(4,)]
    else:
        with pytest.raises(OrphansNotSettled, match="3 rows of posts would still have no parent"):
            project.upgrade()
        assert state(project) == before
