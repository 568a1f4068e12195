"""Keys of partitioned tables: partition by partition before release 18, and of the table itself since."""

from __future__ import annotations

from textwrap import indent
from typing import TYPE_CHECKING, Any

import pytest
from models import add_table, models, number, reference
from orphans.settling import kept, rows, state
from project import cascade_log
from sqlalchemy import MetaData, UniqueConstraint

from alembic_cascade import CascadeConfig, OrphansRemain, configure_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from project import Project
    from sqlalchemy.schema import SchemaItem

# Two levels, a partition without a row, and one whose columns stand in another order.
POSTS = (
    "CREATE TABLE users (id int PRIMARY KEY, number int UNIQUE)", "CREATE TABLE people (id int PRIMARY KEY)",
    "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
    "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (30) PARTITION BY HASH (id)",
    "CREATE TABLE posts_low_0 PARTITION OF posts_low FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    "CREATE TABLE posts_low_1 PARTITION OF posts_low FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
    "CREATE TABLE posts_mid (gone int, user_id int, id int PRIMARY KEY)", "ALTER TABLE posts_mid DROP COLUMN gone",
    "ALTER TABLE posts ATTACH PARTITION posts_mid FOR VALUES FROM (30) TO (60)",
    "CREATE TABLE posts_none PARTITION OF posts FOR VALUES FROM (60) TO (90)",
)  # fmt: skip
# Of 24 posts on three partitions, each eighth refers to nobody.
FILL = (
    "INSERT INTO users SELECT n, n + 1000 FROM generate_series(1, 7) AS n", "INSERT INTO people SELECT generate_series(3, 9)",
    "INSERT INTO posts SELECT n * 2, n % 8 FROM generate_series(1, 24) AS n",
)  # fmt: skip
KEY = "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users"
# Root keys; then those of partitions that nobody made through it.
ROOTS = "SELECT conname, confrelid::regclass::text, confdeltype::text, convalidated FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY 1, 2"
CLONES = "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND conparentid <> 0 AND conrelid::regclass::text <> 'posts' ORDER BY 1"
BELOW = [("posts_low",), ("posts_low_0",), ("posts_low_1",), ("posts_mid",), ("posts_none",)]


def posts(*key: SchemaItem) -> MetaData:
    metadata = models(users=[number("number"), UniqueConstraint("number")], people=[])
    add_table(metadata, "posts", *(key or [number("user_id")]), postgresql_partition_by="RANGE (id)")
    return metadata


def partitioned(project: Project, *more: str, after: MetaData, **settings: Any) -> Project:
    """Posts in partitions, filled, and the revision r1 by which they become what ``after`` declares."""
    project.options = {
        **configure_options(CascadeConfig(concurrently=True, **settings)),
        "include_object": lambda _item, name, kind, *_: kind != "table" or not name.startswith("posts_"),
    }
    project.execute(*POSTS, *FILL, *more)
    project.metadata = after
    project.revision(rev_id="r1")
    return project


def up_down_up(project: Project, expected: Sequence[tuple[Any, ...]]) -> None:
    """The key stands, valid, with one clone for each partition; down to where it began; and up again."""
    start = normal(project)
    for _ in range(2):
        project.upgrade()
        project.check()
        assert project.fetch(ROOTS) == expected
        assert project.fetch(CLONES) == (BELOW if expected else [])
        upgraded = rows(project)
        project.downgrade()
        assert normal(project) == start
    project.upgrade()
    assert rows(project) == upgraded


def normal(project: Project) -> object:
    """Schema and rows; before release 18 PostgreSQL does not note on its clones that a key was validated."""
    schema, found = state(project)
    return [
        (*entry[:4], str(entry[4]).replace(" NOT VALID", "") if entry[3] == "(clone)" else entry[4]) for entry in schema
    ], found


@pytest.mark.parametrize(("rule", "left"), [("CASCADE", 21), ("SET NULL", 24)])
def test_a_new_key_of_a_partitioned_table(project: Project, rule: str, left: int) -> None:
    """The partitions take turns, and the table takes over what they have."""
    partitioned(project, after=posts(reference("user_id", "users.id", ondelete=rule)))
    up_down_up(project, [("posts_user_id_fkey", "users", "c" if rule == "CASCADE" else "n", True)])
    assert len(rows(project)["posts"]) == left
    assert list(kept(project)) == ["alembic_cascade.r1_public_posts"]


def test_each_step_is_told_of(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """Before release 18 for each partition, since then for the table."""
    caplog.set_level("INFO", "alembic.cascade")
    partitioned(project, after=posts(reference("user_id", "users.id", ondelete="CASCADE")))
    caplog.clear()
    project.upgrade()
    log = [line.removeprefix("posts.user_id -> users.id: ") for line in cascade_log(caplog.records)]
    by_partition = is_before_18(project)
    standing = [line for line in log if "stands NOT VALID" in line]
    validated = [line for line in log if line.startswith("validated")]
    assert len(standing) == len(validated) == (4 if by_partition else 1)
    assert ("stands NOT VALID on posts_low_0, N s" in standing) is by_partition
    assert any("3 orphans quarantined" in line for line in log)


def test_another_rule_of_a_partitioned_table(project: Project) -> None:
    """The old key stands until the new one has taken its place."""
    partitioned(project, "DELETE FROM posts WHERE user_id = 0", KEY, after=posts(reference("user_id", "users.id", ondelete="CASCADE")))  # fmt: skip
    up_down_up(project, [("posts_user_id_fkey", "users", "c", True)])


def test_another_parent_of_a_partitioned_table(project: Project) -> None:
    """With rows that have no parent there; the name is the same before and after."""
    partitioned(project, "DELETE FROM posts WHERE user_id = 0", KEY, after=posts(reference("user_id", "people.id", ondelete="CASCADE")))  # fmt: skip
    up_down_up(project, [("posts_user_id_fkey", "people", "c", True)])
    assert len(rows(project)["posts"]) == 15


def test_another_column_of_the_parent_of_a_partitioned_table(project: Project) -> None:
    """References are translated in all partitions."""
    partitioned(project, "DELETE FROM posts WHERE user_id = 0", KEY, after=posts(reference("user_id", "users.number", ondelete="CASCADE")))  # fmt: skip
    up_down_up(project, [("posts_user_id_fkey", "users", "c", True)])
    assert project.fetch("SELECT min(user_id), max(user_id), count(*) FROM posts") == [(1001, 1007, 21)]
    assert project.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []


@pytest.mark.parametrize(("rule", "letter"), [(None, "a"), ("CASCADE", "c")])
def test_a_doubled_key_of_a_partitioned_table(project: Project, rule: str | None, letter: str) -> None:
    """One goes, and comes back on the way down, where it is not taken for the one that has to change."""
    again = KEY.replace("posts_user_id_fkey", "again")
    partitioned(project, "DELETE FROM posts WHERE user_id = 0", KEY, again, after=posts(reference("user_id", "users.id", ondelete=rule)))  # fmt: skip
    up_down_up(project, [("posts_user_id_fkey", "users", letter, True)])


def test_a_key_of_a_partitioned_table_that_goes(project: Project) -> None:
    """With its clones."""
    partitioned(project, "DELETE FROM posts WHERE user_id = 0", KEY, after=posts())
    up_down_up(project, [])


@pytest.mark.parametrize("target", ["users.id", "users.number", "people.id"])
def test_the_comment_on_a_key_of_a_partitioned_table_stays(project: Project, target: str) -> None:
    """Whatever is changed of the key."""
    comment = "COMMENT ON CONSTRAINT posts_user_id_fkey ON posts IS 'who wrote it'"
    partitioned(project, "DELETE FROM posts WHERE user_id = 0", KEY, comment, after=posts(reference("user_id", target, ondelete="CASCADE")))  # fmt: skip
    described = "SELECT confdeltype::text, obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
    project.upgrade()
    assert project.fetch(described) == [("c", "who wrote it")]
    project.downgrade()
    assert project.fetch(described) == [("a", "who wrote it")]


def test_a_name_that_this_deployment_gave_a_partitioned_tables_key_stays(project: Project) -> None:
    """It is found by its column pairs."""
    partitioned(project, "DELETE FROM posts WHERE user_id = 0", KEY, after=posts(reference("user_id", "users.id", ondelete="CASCADE")))  # fmt: skip
    project.execute("ALTER TABLE posts RENAME CONSTRAINT posts_user_id_fkey TO by_hand")
    up_down_up(project, [("by_hand", "users", "c", True)])


@pytest.mark.parametrize("change", ["new", "rule", "repoint", "translate"])
def test_a_key_to_a_partitioned_table(project: Project, change: str) -> None:
    """The parent's partitions have no say, but a clone each."""
    project.options = {
        **configure_options(CascadeConfig(concurrently=True)),
        "include_object": lambda _item, name, kind, *_: kind != "table" or not name.startswith("users_"),
    }
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE people (id int PRIMARY KEY)",
        "CREATE TABLE users_low PARTITION OF users FOR VALUES FROM (0) TO (100)",
        "CREATE TABLE users_high PARTITION OF users FOR VALUES FROM (100) TO (200) PARTITION BY LIST (id)",
        "CREATE TABLE users_high_all PARTITION OF users_high DEFAULT",
        "INSERT INTO users VALUES (1), (150)", "INSERT INTO people VALUES (1), (2), (150)",
        f"CREATE TABLE posts (id int PRIMARY KEY, user_id int {'' if change == 'new' else 'REFERENCES users' if change == 'rule' else 'REFERENCES people'})",
        f"INSERT INTO posts VALUES (1, 1), (2, 150), (3, {1 if change == 'rule' else 2})",
    )  # fmt: skip
    metadata = models(people=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    add_table(metadata, "users", postgresql_partition_by="RANGE (id)")
    project.metadata = metadata
    project.revision()
    start = normal(project)
    project.upgrade()
    project.check()
    project.downgrade()
    assert normal(project) == start
    project.upgrade()
    assert project.fetch(ROOTS) == [("posts_user_id_fkey", "users", "c", True)]
    assert len(rows(project)["posts"]) == (3 if change == "rule" else 2)
    project.execute("DELETE FROM users WHERE id = 150")
    assert len(rows(project)["posts"]) == (2 if change == "rule" else 1)


CLEAN = (
    "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision='r1', concurrently=True)"
)
ADD = "op.add_foreign_key('made', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE', not_valid=True, concurrently=True)"
VALIDATE = ADD.replace("add_", "alter_").replace("not_valid=True", "not_valid=False, existing_not_valid=True")
NEW_PARTITION = "CREATE TABLE posts_new PARTITION OF posts FOR VALUES FROM (90) TO (120)"
ATTACHED = "CREATE TABLE posts_new (id int PRIMARY KEY, user_id int); INSERT INTO posts_new VALUES (100, 7); ALTER TABLE posts ATTACH PARTITION posts_new FOR VALUES FROM (90) TO (120)"
STEPS = (CLEAN.replace("concurrently", "check_only=True, concurrently"), ADD, CLEAN, VALIDATE)


def in_steps(project: Project, place: int, between: str) -> None:
    """A revision by hand, with something that happens between two of its steps."""
    statements = [f"op.execute({statement!r})" for statement in between.split("; ")]
    steps = "\n".join([*STEPS[:place], *statements, *STEPS[place:]])
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.write_revision(
        f"op.begin_concurrently()\nwith op.get_context().autocommit_block():\n{indent(steps, '    ')}",
        "op.begin_concurrently()\nwith op.get_context().autocommit_block():\n"
        "    op.drop_foreign_key('made', 'posts', 'users', ['user_id'], ['id'], concurrently=True)\n"
        "    op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision='r1', concurrently=True)",
    )


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("partition", [NEW_PARTITION, ATTACHED], ids=["created", "attached"])
def test_a_partition_that_comes_between_two_steps_gets_the_key(project: Project, place: int, partition: str) -> None:
    """Whether the table had it already or not."""
    project.execute(*POSTS, *FILL)
    in_steps(project, place, partition)
    project.upgrade()
    assert project.fetch(ROOTS) == [("made", "users", "c", True)]
    assert project.fetch(CLONES) == sorted([*BELOW, ("posts_new",)])
    project.execute("INSERT INTO posts VALUES (110, 3)", "DELETE FROM users WHERE id = 3")
    assert project.fetch("SELECT count(*) FROM posts WHERE user_id = 3 OR id = 110") == [(0,)]
    project.execute("DROP TABLE posts_new")
    project.downgrade("base")
    assert project.fetch(ROOTS) == []
    # All but those that went with user 3.
    assert project.fetch("SELECT count(*), count(*) FILTER (WHERE user_id = 0) FROM posts") == [(21, 3)]


@pytest.mark.parametrize("place", [2, 3])
def test_orphans_that_come_with_a_partition_are_settled_when_it_is_run_again(project: Project, place: int) -> None:
    """Before release 18 a new partition has no key yet and lets them in; it stands NOT VALID where they are found."""
    project.execute(*POSTS, *FILL)
    in_steps(project, place, f"{NEW_PARTITION}; INSERT INTO posts VALUES (91, 1), (92, 77)")
    if not is_before_18(project):
        with pytest.raises(Exception, match="violates foreign key constraint"):
            project.upgrade()
        return
    if place == 3:
        with pytest.raises(OrphansRemain, match="user_id"):
            project.upgrade()
        path = project.path / "versions" / "r1.py"
        path.write_text("".join(line for line in path.read_text().splitlines(True) if "op.execute" not in line))
    project.upgrade()
    assert project.fetch(ROOTS) == [("made", "users", "c", True)]
    assert project.fetch("SELECT id FROM posts WHERE id > 90") == [(91,)]
    project.downgrade("base")
    assert project.fetch("SELECT id FROM posts WHERE id > 90 ORDER BY 1") == [(91,), (92,)]


def is_before_18(project: Project) -> bool:
    return bool(project.fetch("SELECT 1 WHERE current_setting('server_version_num')::int < 180000"))
