"""A key that comes to refer to another table: a second one beside the first, until it has taken its place."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Any

import pytest
from models import models, number, reference
from orphans.settling import kept, rows, state, there_and_back
from project import cascade_log
from scenario import run_scenario, run_up_down_up
from sqlalchemy import Column, ForeignKey, Integer, MetaData
from sqlalchemy.exc import DBAPIError

from alembic_cascade import CascadeConfig, OrphansRemain, configure_options

if TYPE_CHECKING:
    from project import Project

KEYS = """
SELECT conname, confrelid::regclass::text, convalidated, confdeltype::text, obj_description(oid, 'pg_constraint')
FROM pg_constraint WHERE contype = 'f' ORDER BY 1
"""
# Of the posts, 2 and 4 refer to nobody among the people.
FILL = (
    "INSERT INTO users VALUES (1), (2), (3)", "INSERT INTO people VALUES (1), (3), (5)",
    "INSERT INTO posts VALUES (1, 1), (2, 2), (3, 3), (4, 2), (5, NULL)",
)  # fmt: skip
UPGRADE = """\
op.begin_concurrently(revision)
with op.get_context().autocommit_block():
    # posts.user_id -> people.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
    op.clean_orphans(
        'posts', 'people', ['user_id'], ['id'],
        strategy='quarantine', revision=revision, check_only=True, concurrently=True,
    )
    op.add_foreign_key(
        'posts_user_id_fkey_beside', 'posts', 'people', ['user_id'], ['id'],
        ondelete='CASCADE', not_valid=True, concurrently=True,
    )
    op.clean_orphans(
        'posts', 'people', ['user_id'], ['id'],
        strategy='quarantine', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'people', ['user_id'], ['id'],
        ondelete='CASCADE', existing_referent_table='users', existing_ondelete=None, concurrently=True,
    )
"""
DOWNGRADE = """\
op.begin_concurrently(down_revision)
with op.get_context().autocommit_block():
    # posts.user_id -> users.id: orphans stop the migration, as ON DELETE NO ACTION would stop a delete
    op.clean_orphans(
        'posts', 'users', ['user_id'], ['id'],
        strategy='fail', revision=revision, check_only=True, concurrently=True,
    )
    op.add_foreign_key(
        'posts_user_id_fkey_beside', 'posts', 'users', ['user_id'], ['id'],
        not_valid=True, concurrently=True,
    )
    op.clean_orphans(
        'posts', 'users', ['user_id'], ['id'],
        strategy='fail', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
        ondelete=None, existing_referent_table='people', existing_ondelete='CASCADE', concurrently=True,
    )
    op.restore_orphans('posts', 'people', ['user_id'], ['id'], revision=revision, concurrently=True)
"""


def posts(target: str, **rule: Any) -> MetaData:
    return models(users=[], people=[], posts=[reference("user_id", f"{target}.id", **rule)])


def repointed(project: Project, *setup: str, **rule: Any) -> Project:
    """Posts of users, filled, and the revision by which they become posts of people."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(posts("users"))
    project.execute(*FILL, *setup)
    project.metadata = posts("people", **rule)
    project.revision(rev_id="r1")
    return project


def test_another_table(project: Project) -> None:
    """Rows without a parent there are set aside, and come back to the old parent."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    run_scenario(
        project, before=posts("users"), after=posts("people", ondelete="CASCADE"), upgrade=UPGRADE, downgrade=DOWNGRADE,
        setup=FILL, tables=["users", "people", "posts"],
    )  # fmt: skip
    assert rows(project)["posts"] == ["(1,1)", "(3,3)", "(5,)"]
    assert [len(entries) for entries in kept(project).values()] == [2]


def test_values_without_a_parent_there_are_set_aside(project: Project) -> None:
    """By SET NULL the rows stay, and their old values come back."""
    repointed(project, ondelete="SET NULL")
    assert there_and_back(project)["posts"] == ["(1,1)", "(2,)", "(3,3)", "(4,)", "(5,)"]


def test_rows_that_mean_nobody_of_the_old_parent_stop_the_way_back(project: Project) -> None:
    """They were written under the new key; all else is as it was before."""
    repointed(project, ondelete="CASCADE")
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (6, 5)")
    upgraded = state(project)
    with pytest.raises(Exception, match=r"1 row of posts by posts\.user_id -> users\.id has no parent: user_id = 5"):
        project.downgrade()
    assert state(project) == upgraded
    project.execute("DELETE FROM posts WHERE id = 6")
    project.downgrade()
    assert rows(project)["posts"] == ["(1,1)", "(2,2)", "(3,3)", "(4,2)", "(5,)"]


STEPS = {
    "op.clean_orphans('posts', 'people', ['user_id'], ['id'], strategy='quarantine', revision='r1', check_only=True, concurrently=True)": [
        ("posts_user_id_fkey", "users", True, "a", None),
    ],
    "op.add_foreign_key('posts_user_id_fkey_beside', 'posts', 'people', ['user_id'], ['id'], ondelete='CASCADE', not_valid=True, concurrently=True)": [
        ("posts_user_id_fkey", "users", True, "a", None),
        ("posts_user_id_fkey_beside", "people", False, "c", None),
    ],
    "op.clean_orphans('posts', 'people', ['user_id'], ['id'], strategy='quarantine', revision='r1', batch_size=1, concurrently=True)": [
        ("posts_user_id_fkey", "users", True, "a", None),
        ("posts_user_id_fkey_beside", "people", False, "c", None),
    ],
    "op.alter_foreign_key('posts_user_id_fkey', 'posts', 'people', ['user_id'], ['id'], ondelete='CASCADE', existing_ondelete=None, existing_referent_table='users', concurrently=True)": [
        ("posts_user_id_fkey", "people", True, "c", None),
    ],
}  # fmt: skip


@pytest.mark.parametrize("times", [1, 2])
def test_both_keys_hold_until_the_new_one_has_taken_the_place_of_the_old_one(project: Project, times: int) -> None:
    """A step that is run again finds nothing left to do."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(posts("users"))
    project.execute(*FILL)
    for step in STEPS:
        block = f"with op.get_context().autocommit_block():\n{indent(step, '    ')}"
        project.write_revision(f"op.begin_concurrently()\n{block}" + f"\n    {step}" * (times - 1))
    for number_of_step, expected in enumerate(STEPS.values(), 1):
        project.upgrade(f"r{number_of_step}")
        assert project.fetch(KEYS) == expected
        if len(expected) == 2:
            for nobody in (2, 5):  # a user alone, a person alone
                with pytest.raises(DBAPIError, match="violates foreign key constraint"):
                    project.execute(f"INSERT INTO posts VALUES (9, {nobody})")
    assert rows(project)["posts"] == ["(1,1)", "(3,3)", "(5,)"]


def test_without_a_word_on_orphans_one_operation_does_it(project: Project) -> None:
    """Where it finds some, the second key stays beside the first, NOT VALID, until they are gone."""
    project.options = configure_options(CascadeConfig(concurrently=True, orphans=None))
    project.create(posts("users"))
    project.execute(*FILL)
    project.metadata = posts("people", ondelete="CASCADE")
    start = state(project)
    assert (
        project.revision().upgrade
        == """\
op.begin_concurrently(revision)
with op.get_context().autocommit_block():
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'people', ['user_id'], ['id'],
        ondelete='CASCADE', existing_referent_table='users', existing_ondelete=None, concurrently=True,
    )
"""
    )
    with pytest.raises(OrphansRemain, match=r"Key \(user_id\)=\(2\) is not present in table \"people\"") as refused:
        project.upgrade()
    assert "stands NOT VALID" in str(refused.value)
    both = STEPS[next(step for step in STEPS if "batch_size" in step)]
    assert project.fetch(KEYS) == both
    project.execute("DELETE FROM posts WHERE user_id = 2")
    project.upgrade()
    project.check()
    assert project.fetch(KEYS) == [("posts_user_id_fkey", "people", True, "c", None)]
    project.downgrade()
    assert state(project).schema == start.schema


def test_a_name_that_this_deployment_gave_stays(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Found by its column pairs, both ways."""
    caplog.set_level("INFO", "alembic.cascade")
    repointed(project, "ALTER TABLE posts RENAME CONSTRAINT posts_user_id_fkey TO by_hand", ondelete="CASCADE")
    start = state(project)
    run_up_down_up(project, ["posts"])
    assert project.fetch(KEYS) == [("by_hand", "people", True, "c", None)]
    assert any("the key by_hand is gone" in line for line in cascade_log(caplog.records))
    project.downgrade()
    assert state(project) == start
    assert project.fetch(KEYS) == [("by_hand", "users", True, "a", None)]


@pytest.mark.parametrize("name", ["fk_posts_person", "n" * 63, "ü" * 31 + "n", 'With "quotes"', "percent %s"])
def test_the_model_gives_the_new_key_its_name(project: Project, name: str) -> None:
    """And the way down gives the old name back, however long they are."""

    def named(target: str, name: str | None, **rule: Any) -> MetaData:
        return models(
            users=[], people=[], posts=[Column("user_id", Integer, ForeignKey(f"{target}.id", name=name, **rule))]
        )

    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(named("users", "o" * 63))
    project.execute(*FILL)
    project.metadata = named("people", name, ondelete="CASCADE")
    project.revision()
    run_up_down_up(project, ["posts"])
    assert project.fetch(KEYS) == [(name, "people", True, "c", None)]
    project.downgrade()
    assert project.fetch(KEYS) == [("o" * 63, "users", True, "a", None)]


def test_the_comment_on_the_key_stays(project: Project) -> None:
    """It may say why the key is there."""
    repointed(project, "COMMENT ON CONSTRAINT posts_user_id_fkey ON posts IS 'who wrote it'", ondelete="CASCADE")
    project.upgrade()
    assert project.fetch(KEYS) == [("posts_user_id_fkey", "people", True, "c", "who wrote it")]
    project.downgrade()
    assert project.fetch(KEYS) == [("posts_user_id_fkey", "users", True, "a", "who wrote it")]


def test_an_old_key_that_was_not_valid_is_that_again(project: Project) -> None:
    """With the rows that it never looked at."""
    repointed(
        project, "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey", "INSERT INTO posts VALUES (7, 77), (8, 5)",
        "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        ondelete="CASCADE",
    )  # fmt: skip
    assert there_and_back(project)["posts"] == ["(1,1)", "(3,3)", "(5,)", "(8,5)"]


def test_an_old_key_that_somebody_dropped_meanwhile_is_not_missed(project: Project) -> None:
    """The new one has taken its place already, but for the name."""
    repointed(project, ondelete="CASCADE")
    path = project.path / "versions" / "r1_change.py"
    text = path.read_text()
    marker = "    op.alter_foreign_key(\n"
    path.write_text(
        text.replace(marker, f"    op.execute('ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey')\n    {marker}", 1)
    )
    project.upgrade()
    assert project.fetch(KEYS) == [("posts_user_id_fkey", "people", True, "c", None)]


def test_several_keys_of_a_table_each_move_on_their_own(project: Project) -> None:
    """One by one, the second under the first's new rule."""

    def both(target: str) -> MetaData:
        keys = [reference(name, f"{target}.id", ondelete="CASCADE") for name in ("user_id", "by")]
        return models(users=[], people=[], posts=keys)

    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(both("users"))
    project.execute(*FILL[:2], "INSERT INTO posts VALUES (1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 2, 2), (5, 3, NULL)")
    project.metadata = both("people")
    assert project.revision().upgrade.count("_beside") == 2
    assert there_and_back(project)["posts"] == ["(1,1,1)", "(5,3,)"]


def test_a_tree_becomes_part_of_another_table(project: Project) -> None:
    """The old parent is the table itself."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(models(threads=[number("n")], posts=[reference("up", "posts.id", ondelete="CASCADE")]))
    project.execute("INSERT INTO threads VALUES (1), (3)", "INSERT INTO posts VALUES (1, NULL), (2, 1), (3, 2), (4, 3)")
    project.metadata = models(threads=[number("n")], posts=[reference("up", "threads.id", ondelete="CASCADE")])
    project.revision()
    # With post 3, whose parent is no thread, goes its own child by the old key.
    assert there_and_back(project)["posts"] == ["(1,)", "(2,1)"]
