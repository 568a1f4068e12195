"""A change of what the key of a partitioned table refers to, partition by partition, stopped after any of its steps.

Which is what is done before release 18; on a newer one it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic import command
from models import add_table, models, number, reference
from orphans.settling import State, state
from sqlalchemy import MetaData, UniqueConstraint

from alembic_cascade import CascadeConfig, configure_options, running
from concurrently.stopped import stop_at, stop_when

if TYPE_CHECKING:
    from project import Project

# Of 16 posts on two partitions, some have no parent among the people.
TABLES = (
    "CREATE TABLE users (id int PRIMARY KEY, number int UNIQUE)", "CREATE TABLE people (id int PRIMARY KEY)",
    "CREATE TABLE posts (id int PRIMARY KEY, user_id int) PARTITION BY RANGE (id)",
    "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (20) PARTITION BY LIST (id)",
    "CREATE TABLE posts_low_all PARTITION OF posts_low DEFAULT",
    "CREATE TABLE posts_mid PARTITION OF posts FOR VALUES FROM (20) TO (60)",
    "INSERT INTO users SELECT n, n + 1000 FROM generate_series(1, 8) AS n", "INSERT INTO users VALUES (9, NULL)",
    "INSERT INTO people SELECT generate_series(2, 9)",
    "INSERT INTO posts SELECT n * 2, 1 + n % 9 FROM generate_series(1, 16) AS n",
    "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users",
    "COMMENT ON CONSTRAINT posts_user_id_fkey ON posts IS 'who wrote it'",
)  # fmt: skip
# Keys that are no clones, the triggers of translations, and their functions.
KEYS = "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY 1, 2"
TRANSLATING = "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'alembic_cascade%' UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'alembic_cascade%' AND pronamespace = 'public'::regnamespace"
CHANGES = pytest.mark.parametrize("target", ["users.number", "people.id"])


@pytest.fixture(autouse=True)
def _partition_by_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each release takes keys of partitions' own, and lets the table take them over."""
    made = running.concurrent_function_statements()
    asked = tuple(statement.replace("::int < 180000", "::int > 0") for statement in made)
    assert asked != made
    monkeypatch.setattr(running, "concurrent_function_statements", lambda: asked)


def posts(target: str) -> MetaData:
    """Posts that refer to a user by its number, or to people."""
    metadata = models(users=[number("number"), UniqueConstraint("number")], people=[])
    add_table(metadata, "posts", reference("user_id", target, ondelete="CASCADE"), postgresql_partition_by="RANGE (id)")
    return metadata


def prepare(project: Project, target: str, *more: str) -> Project:
    """Posts that refer to a user by its id, and the revision that changes it; half of them are a batch."""
    project.options = {
        **configure_options(CascadeConfig(concurrently=True, max_orphans=None)),
        "include_object": lambda _item, name, kind, *_: kind != "table" or not name.startswith("posts_"),
    }
    project.execute(*TABLES, *more)
    project.metadata = posts(target)
    project.revision(rev_id="r1")
    path = project.path / "versions" / "r1_change.py"
    path.write_text(path.read_text().replace("translate=True,", "translate=True, batch_size=8,"))
    return project


def look(project: Project) -> State:
    """Schema and rows, without what was set aside; PostgreSQL does not note on all clones that a key was validated."""
    schema, found = state(project)
    return State([
        (*entry[:4], str(entry[4]).replace(" NOT VALID", "") if entry[3] == "(clone)" else entry[4], *entry[5:])
        for entry in schema if entry[1] != "alembic_cascade"
    ], found)  # fmt: skip


def turn_back(project: Project, direction: str) -> None:
    """As it is documented: say that it has run all the way, and go back."""
    if direction == "up":
        command.stamp(project.config, "head")
        project.downgrade("base")
    else:
        command.stamp(project.config, "base")
        project.upgrade()


@CHANGES
def test_a_stopped_change_goes_back(project: Project, target: str) -> None:
    """Nothing of it is left: after each other step of the upgrade, and of the downgrade those in between."""
    prepare(project, target)
    for first, direction, run in ((0, "up", project.upgrade), (1, "down", project.downgrade)):
        before = look(project)
        for place in range(first, 100, 2):
            if not stop_at(project, run, place):
                break
            turn_back(project, direction)
            assert (place, look(project)) == (place, before)
            assert project.fetch(TRANSLATING) == []
        assert place > 9
        assert look(project) != before


@CHANGES
def test_a_stopped_change_goes_on_or_turns_twice(project: Project, target: str) -> None:
    """The same command goes on where it was; so it does after a try to go back that was stopped, too."""
    prepare(project, target)
    start = look(project)
    project.upgrade()
    end = look(project)
    for place in (4, 8):
        assert stop_at(project, project.downgrade, place)
        project.downgrade()
        assert look(project) == start
        assert stop_at(project, project.upgrade, place)
        command.stamp(project.config, "head")
        assert stop_at(project, project.downgrade, 3)
        turn_back(project, "down")
        assert look(project) == end
        assert project.fetch(TRANSLATING) == []


def test_a_name_that_this_deployment_gave_the_key_is_no_hindrance(project: Project) -> None:
    """On the way back it is found, though nothing but the name beside it is known."""
    prepare(project, "people.id")
    project.execute("ALTER TABLE posts RENAME CONSTRAINT posts_user_id_fkey TO by_hand")
    before = look(project)
    for place in (2, 5):
        assert stop_at(project, project.upgrade, place)
        turn_back(project, "up")
        assert look(project) == before


def test_what_a_partition_has_under_the_name_beside_the_key_stays(project: Project) -> None:
    """Where it does something else, somebody made it on purpose."""
    own = "ADD CONSTRAINT posts_user_id_fkey_beside FOREIGN KEY (user_id) REFERENCES people ON DELETE SET NULL"
    prepare(project, "people.id", "DELETE FROM posts WHERE user_id = 1", f"ALTER TABLE posts_mid {own}")
    before = look(project)
    for place in (4, 7):
        assert stop_at(project, project.upgrade, place)
        turn_back(project, "up")
        assert look(project) == before
    project.upgrade()
    assert [key[:2] for key in project.fetch(KEYS)] == [
        ("posts", "posts_user_id_fkey"),
        ("posts_mid", "posts_user_id_fkey_beside"),
    ]
    project.downgrade()
    assert look(project) == before


def test_a_doubled_key_is_not_the_one_that_has_to_change(project: Project) -> None:
    """On the way down it is there first, and does what the other one is to do again."""
    prepare(project, "users.id", "ALTER TABLE posts ADD CONSTRAINT again FOREIGN KEY (user_id) REFERENCES users")
    before = look(project)
    project.upgrade()
    assert [key[:2] for key in project.fetch(KEYS)] == [("posts", "posts_user_id_fkey")]
    project.downgrade()
    assert look(project) == before


def test_a_partition_that_comes_after_the_exchange_gets_the_key(project: Project) -> None:
    """Whether the change then goes on or back: it is the only one that has no key of its own."""
    prepare(project, "users.number")

    def is_translated() -> bool:
        return (
            project.fetch("SELECT 1 FROM posts WHERE user_id < 10 AND user_id <> 9") == [] == project.fetch(TRANSLATING)
        )

    for turns in (False, True):
        assert stop_when(project, project.upgrade, is_translated)
        project.execute(
            "CREATE TABLE posts_new PARTITION OF posts FOR VALUES FROM (60) TO (90)",
            "INSERT INTO posts VALUES (61, 1001)",
        )
        if turns:
            turn_back(project, "up")
        else:
            project.upgrade()
        assert [key[:2] for key in project.fetch(KEYS)] == [("posts", "posts_user_id_fkey")]
        assert project.fetch("SELECT user_id FROM posts_new") == [(1 if turns else 1001,)]
        project.execute("DROP TABLE posts_new")
        if not turns:
            project.downgrade()
