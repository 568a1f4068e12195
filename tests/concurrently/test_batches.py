"""Orphans settled a few at a time while others write, and put back in the order in which that is possible."""

from __future__ import annotations

import re
from textwrap import indent
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from orphans.posts import warnings_of
from orphans.settling import STORES, kept, rows, state, there_and_back
from project import cascade_log
from sqlalchemy import event

from alembic_cascade import (
    CascadeConfig,
    ConfigError,
    LockNotAcquired,
    OrphansNotSettled,
    OrphansRemain,
    TooManyOrphans,
    configure_options,
)
from alembic_cascade.concurrently import steps
from alembic_cascade.errors import CascadeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project

KEY = "'posts', 'users', ['user_id'], ['id']"
LABEL = "posts.user_id -> users.id"
USERS = ("CREATE TABLE users (id int PRIMARY KEY)", "INSERT INTO users VALUES (1)")
# Of ten posts seven are orphans: 2 to 8.
POSTS = (
    *USERS, "CREATE TABLE posts (id int PRIMARY KEY, user_id int, body text DEFAULT 'as it was')",
    "INSERT INTO posts SELECT n, CASE WHEN n BETWEEN 2 AND 8 THEN 100 + n ELSE 1 END FROM generate_series(1, 10) AS n",
)  # fmt: skip


def settled(
    project: Project, *setup: str, strategy: str = "quarantine", rule: str = "CASCADE", size: int = 2, more: str = ""
) -> Project:
    """Tables, and a revision that makes the key of posts and settles its orphans ``size`` at a time."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.execute(*setup)
    clean = (
        f"op.clean_orphans({KEY}, strategy={strategy!r}, revision=revision, concurrently=True, batch_size={size}{more})"
    )
    up = (
        f"op.add_foreign_key('made', {KEY}, ondelete={rule!r}, not_valid=True, concurrently=True)", clean,
        f"op.alter_foreign_key('made', {KEY}, ondelete={rule!r}, not_valid=False, existing_not_valid=True, concurrently=True)",
    )  # fmt: skip
    down = (
        f"op.drop_foreign_key('made', {KEY}, concurrently=True)",
        f"op.restore_orphans({KEY}, revision=revision, concurrently=True)",
    )
    project.write_revision(block(*up), block(*down))
    return project


def block(*steps_of_it: str) -> str:
    return "op.begin_concurrently()\nwith op.get_context().autocommit_block():\n" + indent(
        "\n".join(steps_of_it), "    "
    )


def moments(project: Project) -> int:
    """At how many moments rows were set aside, in whichever table."""
    stores = [store for (store,) in project.fetch(STORES)]
    union = " UNION ".join(f"SELECT cascade_at FROM {store}" for store in stores)
    return int(project.fetch(f"SELECT count(DISTINCT cascade_at) FROM ({union}) AS moments")[0][0])


def meanwhile(project: Project, number: int, do: Callable[[], object]) -> None:
    """Do something before the call of that number by which orphans are listed, the first one, or settled."""
    calls: list[str] = []

    def look(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("SELECT * FROM pg_temp.cascade_try(") and "cascade_clean_batch(" in statement:
            calls.append(statement)
            if len(calls) == number:
                do()

    event.listen(project.engine, "before_cursor_execute", look)
    project.upgrade()
    event.remove(project.engine, "before_cursor_execute", look)
    assert len(calls) >= number


@pytest.mark.parametrize(("size", "batches"), [(1, 7), (2, 4), (3, 3), (7, 1), (5000, 1)])
@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_each_batch_is_kept_for_itself_and_all_come_back(
    project: Project, caplog: pytest.LogCaptureFixture, rule: str, size: int, batches: int
) -> None:
    """In a transaction of its own, at a moment of its own."""
    caplog.set_level("INFO", "alembic.cascade")
    settled(project, *POSTS, size=size, rule=rule, strategy="quarantine" if rule == "CASCADE" else "set_null")
    start = state(project)
    project.upgrade()
    assert moments(project) == batches
    assert project.fetch("SELECT id FROM posts WHERE user_id = 1 ORDER BY id") == [(1,), (9,), (10,)]
    assert len(rows(project)["posts"]) == (3 if rule == "CASCADE" else 10)
    done = "quarantined" if rule == "CASCADE" else "set to NULL"
    assert any(re.match(f"{LABEL}: 7 orphans {done}", line) for line in cascade_log(caplog.records))
    project.downgrade("base")
    assert state(project) == start
    project.upgrade()


def test_what_two_orphans_take_along_goes_with_the_first_and_comes_with_the_last(project: Project) -> None:
    """They are in batches of their own; some of what depends on both is removed, some loses two values."""
    settled(
        project, *POSTS,
        "CREATE TABLE pairs (id int PRIMARY KEY, a int REFERENCES posts ON DELETE CASCADE, b int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO pairs VALUES (1, 2, 3), (2, 3, 2), (3, 1, 2), (4, 1, 9), (5, 8, 8)",
        "CREATE TABLE marks (id int PRIMARY KEY, a int REFERENCES posts ON DELETE SET NULL, b int DEFAULT 1 REFERENCES posts ON DELETE SET DEFAULT, pair int REFERENCES pairs ON DELETE SET NULL)",
        "INSERT INTO marks VALUES (1, 2, 3, 1), (2, 3, 2, 4), (3, 8, 8, 5), (4, 9, 9, 3)",
        size=1,
    )  # fmt: skip
    upgraded = there_and_back(project)
    assert upgraded["pairs"] == ["(4,1,9)"]
    assert upgraded["marks"] == ["(1,,1,)", "(2,,1,4)", "(3,,1,)", "(4,9,9,)"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_orphans_that_depend_on_each_other(project: Project, size: int) -> None:
    """A chain of answers by nobody, one to itself, and a circle of two."""
    settled(
        project, *USERS,
        "CREATE TABLE posts (id int PRIMARY KEY, user_id int, up int REFERENCES posts ON DELETE CASCADE)",
        "INSERT INTO posts VALUES (1, 1, NULL), (2, 9, 1), (3, 9, 2), (4, 9, 3), (5, 1, 4), (6, 9, 6), (7, 9, 8), (8, 9, 7), (9, 1, 1)",
        size=size,
    )  # fmt: skip
    assert there_and_back(project)["posts"] == ["(1,1,)", "(9,1,1)"]


@pytest.mark.parametrize("size", [1, 2, 5000])
def test_the_key_of_a_tree_itself(project: Project, size: int) -> None:
    """Who hangs on an orphan is none, but goes with it by the key that has just come."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.execute("CREATE TABLE posts (id int PRIMARY KEY, up int)", "INSERT INTO posts VALUES (1, NULL), (2, 1), (3, 99), (4, 3), (5, 4), (6, 98), (7, 98), (8, 8)")  # fmt: skip
    key = "'posts', 'posts', ['up'], ['id']"
    project.write_revision(
        block(
            f"op.add_foreign_key('made', {key}, ondelete='CASCADE', not_valid=True, concurrently=True)",
            f"op.clean_orphans({key}, strategy='quarantine', revision=revision, concurrently=True, batch_size={size})",
        ),
        block(f"op.drop_foreign_key('made', {key}, concurrently=True)", f"op.restore_orphans({key}, revision=revision, concurrently=True)"),
    )  # fmt: skip
    assert there_and_back(project)["posts"] == ["(1,)", "(2,1)", "(8,8)"]


def test_a_row_that_somebody_holds_is_passed_over_and_settled_later(project: Project, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    """The others don't wait for it."""
    settled(project, *POSTS)
    with project.engine.connect() as holder:
        gone: list[Any] = []

        def let_go() -> None:
            gone.extend(project.fetch("SELECT id FROM posts WHERE user_id > 1"))
            holder.rollback()

        timer = Timer(2, let_go)

        def hold() -> None:
            holder.exec_driver_sql("SELECT FROM posts WHERE id = 3 FOR UPDATE")
            timer.start()

        meanwhile(project, 2, hold)
        timer.join()
    assert gone == [(3,)]
    assert len(kept(project)["alembic_cascade.r1_public_posts"]) == 7
    assert any("RowShareLock on posts" in line for line in cascade_log(caplog.records))


def test_a_row_that_somebody_never_lets_go_ends_the_upgrade(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done stays; run again, it goes on from there."""
    monkeypatch.setattr(steps, "TRIES", 2)
    settled(project, *POSTS)
    with project.engine.connect() as holder:
        with pytest.raises(LockNotAcquired, match="In the way: pid") as refused:
            meanwhile(project, 2, lambda: holder.exec_driver_sql("SELECT FROM posts WHERE id = 3 FOR UPDATE"))
        assert "What was done before stays" in str(refused.value)
        assert project.fetch("SELECT id FROM posts WHERE user_id > 1") == [(3,)]
    project.upgrade()
    assert len(kept(project)["alembic_cascade.r1_public_posts"]) == 7
    project.downgrade("base")
    assert len(rows(project)["posts"]) == 10


# What somebody does between the list of the orphans and the first batch; posts afterwards, and after the way back.
MEANWHILE = {
    "changed": ("UPDATE posts SET body = 'new' WHERE id = 3", {3}, set(), {3: "(3,103,new)"}),
    "given a parent": ("UPDATE posts SET user_id = 1 WHERE id = 3", {3}, {3}, {3: '(3,1,"as it was")'}),
    "emptied": ("UPDATE posts SET user_id = NULL WHERE id = 3", {3}, {3}, {3: '(3,,"as it was")'}),
    "a parent comes": ("INSERT INTO users VALUES (103)", {3}, {3}, {3: '(3,103,"as it was")'}),
    "deleted": ("DELETE FROM posts WHERE id = 3", {3}, set(), {3: None}),
    "moved in its table": ("UPDATE posts SET id = 33 WHERE id = 3", {3, 33}, set(), {3: None, 33: '(33,103,"as it was")'}),
    "another comes in its place": (
        "DELETE FROM posts WHERE id = 3; INSERT INTO posts VALUES (3, 1, 'another')", {3}, {3}, {3: "(3,1,another)"},
    ),
    "all are gone": ("DELETE FROM posts WHERE user_id > 1", {3, 8}, set(), {3: None, 8: None}),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "looked_at", "stay", "end"), MEANWHILE.values(), ids=MEANWHILE)
@pytest.mark.parametrize("size", [1, 5000])
def test_what_somebody_changes_in_between_is_not_undone(
    project: Project, size: int, statements: str, looked_at: set[int], stay: set[int], end: dict[int, str | None]
) -> None:
    """A row is settled as it is then, if it is an orphan then."""
    settled(project, *POSTS, size=size)
    meanwhile(project, 2, lambda: project.execute(*statements.split("; ")))
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE conname = 'made'") == [(True,)]
    assert {n for (n,) in project.fetch("SELECT id FROM posts") if n in looked_at} == stay
    project.downgrade("base")
    found = dict(project.fetch("SELECT id, p::text FROM posts AS p"))
    assert {n: found.get(n) for n in end} == end
    assert kept(project) == {}


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


def test_a_long_step_says_how_far_it_has_come(
    project: Project, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Done, total, rows in a second, time left."""
    monkeypatch.setattr(steps, "SECONDS_BETWEEN_REPORTS", 0)
    caplog.set_level("INFO", "alembic.cascade")
    settled(project, *POSTS).upgrade()
    said = [re.fullmatch(rf"{LABEL}: (\d+) of 7, \d+/s, \d+ s left", line) for line in cascade_log(caplog.records)]
    assert [found[1] for found in said if found] == ["2", "4", "6", "7"]


def test_a_pause_is_made_between_two_batches(project: Project) -> None:
    """For replicas that lag behind."""
    settled(project, *POSTS, more=", batch_pause=0.3")
    started = monotonic()
    project.upgrade()
    assert monotonic() - started > 4 * 0.3


def test_what_is_in_the_way_of_a_batch_stays_and_is_reported(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """All others come back, those of its own batch as well."""
    settled(project, *POSTS)
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (3, 1, 'new'), (6, 1, 'new')")
    caplog.clear()
    project.downgrade("base")
    assert warnings_of(caplog)
    assert all("stay in the quarantine" in line for line in warnings_of(caplog))
    assert [row for row in rows(project)["posts"] if "new" in row] == ["(3,1,new)", "(6,1,new)"]
    assert len(rows(project)["posts"]) == 10
    assert [len(entries) for entries in kept(project).values()] == [2]


def test_rows_come_back_beside_a_writer_of_other_rows(project: Project) -> None:
    """A lock on rows alone is enough where no trigger and no key has to be put out of the way."""
    settled(project, *POSTS)
    project.upgrade()
    project.execute("ALTER TABLE posts DROP CONSTRAINT made")
    project.write_revision(block(f"op.restore_orphans({KEY}, revision='r1', concurrently=True)"))
    with project.engine.connect() as writer:
        writer.exec_driver_sql("UPDATE posts SET body = 'new' WHERE id = 1")
        project.upgrade()
        writer.commit()
    assert len(rows(project)["posts"]) == 10


WRONG: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {}
CLEAN = ("posts", "users", ["user_id"], ["id"])
for argument, value in [
    ("batch_size", 0), ("batch_size", -1), ("batch_size", 1.5), ("batch_size", True), ("batch_size", "100"), ("batch_size", 2**31),
    ("batch_pause", -1), ("batch_pause", "1s"), ("batch_pause", None), ("batch_pause", float("nan")), ("batch_pause", float("inf")),
    ("lock_timeout", "5"), ("lock_timeout", 5), ("lock_timeout", "0s"), ("concurrently", "yes"), ("concurrently", 1), ("concurrently", None),
    ("check_only", True), ("check_only", "yes"),
]:  # fmt: skip
    more = {} if argument in {"check_only", "concurrently"} else {"concurrently": True}
    WRONG[f"clean_orphans {argument}={value!r}"] = ("clean_orphans", CLEAN, {"strategy": "fail", "revision": "r", **more, argument: value})  # fmt: skip
    if argument in {"lock_timeout", "concurrently"}:
        for name in ("add_foreign_key", "drop_foreign_key", "alter_foreign_key"):
            WRONG[f"{name} {argument}={value!r}"] = (name, ("made", *CLEAN), {argument: value})
    if argument in {"lock_timeout", "concurrently", "batch_pause"}:
        WRONG[f"restore_orphans {argument}={value!r}"] = ("restore_orphans", CLEAN, {"revision": "r", argument: value})


@pytest.mark.parametrize(("operation", "arguments", "keywords"), WRONG.values(), ids=WRONG)
def test_an_argument_that_can_not_be_is_named(
    operation: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Before anything is run."""
    operations = Operations(MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True}))
    with pytest.raises(ConfigError) as refused:
        getattr(operations, operation)(*arguments, **keywords)
    assert refused.value.field == list(keywords)[-1]


TRANSLATE = {"concurrently": True, "not_valid": True, "existing_remote_cols": ["number"], "translate": True}


@pytest.mark.parametrize("change", [{"not_valid": False}, {"concurrently": False}, {"existing_referent_table": "people"}, {"translate": "yes"}])  # fmt: skip
def test_a_translation_needs_its_companions(change: dict[str, Any]) -> None:
    """The same parent, no look at the rows, and the concurrent form."""
    operations = Operations(MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True}))
    with pytest.raises(ConfigError) as refused:
        operations.alter_foreign_key("made", *CLEAN, **{**TRANSLATE, **change})
    assert refused.value.field == "translate"
