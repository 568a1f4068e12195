"""The text of concurrent revisions, whole, both ways; and each of them up, down and up again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import add_table, models, number, reference
from scenario import run_scenario
from sqlalchemy import ForeignKeyConstraint, MetaData, UniqueConstraint

from concurrently.revision_bodies import (
    DROP,
    GONE,
    KEY,
    NEW,
    PLAIN,
    RESTORE,
    RULE,
    RULE_BACK,
    SET_ASIDE,
    STOP,
    back,
    block,
    concurrently,
    new_key,
    posts,
)

if TYPE_CHECKING:
    from project import Project


NEW_KEYS = {
    "CASCADE": ({}, {"ondelete": "CASCADE"}, NEW, GONE),
    "NO ACTION": ({}, {}, new_key(STOP, "fail"), GONE),
    "SET NULL": (
        {}, {"ondelete": "SET NULL"},
        new_key("""\
# posts.user_id -> users.id: orphans get NULL in user_id, as by ON DELETE SET NULL; old values go
# into the quarantine""", "set_null", "ondelete='SET NULL', "), GONE,
    ),
    "for good": (
        {"orphans": "delete"}, {},
        new_key("""\
# posts.user_id -> users.id: orphans are DELETED FOR GOOD, with all that depends on them, as
# orphans='delete' says""", "delete"), back(DROP),
    ),
    "nothing for orphans": (
        {"orphans": None}, {"ondelete": "CASCADE"},
        block(f"op.add_foreign_key(\n    'posts_user_id_fkey', {KEY},\n    ondelete='CASCADE', concurrently=True,\n)\n"),
        back(DROP),
    ),
    "absent in some deployments": (
        {"optional_tables": ["posts"]}, {"ondelete": "CASCADE"},
        new_key(SET_ASIDE, "quarantine", "ondelete='CASCADE', ", ", if_exists=True"),
        back(f"""\
op.drop_foreign_key(
    'posts_user_id_fkey', {KEY},
    if_exists=True, concurrently=True,
)
op.restore_orphans(
    {KEY},
    revision=revision, if_exists=True, concurrently=True,
)
"""),
    ),
    "another timeout": (
        {"lock_timeout": "1min"}, {"ondelete": "CASCADE"},
        NEW.replace("concurrently=True", "concurrently=True, lock_timeout='1min'"),
        back(f"""\
op.drop_foreign_key(
    'posts_user_id_fkey', {KEY},
    concurrently=True, lock_timeout='1min',
)
op.restore_orphans(
    {KEY},
    revision=revision, concurrently=True, lock_timeout='1min',
)
"""),
    ),
    "settings that are the defaults": (
        {"lock_timeout": "5s", "max_orphans": 0.1, "quarantine_schema": "alembic_cascade", "orphans": "on_delete"},
        {"ondelete": "CASCADE"}, NEW, GONE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("settings", "rule", "upgrade", "downgrade"), NEW_KEYS.values(), ids=NEW_KEYS)
def test_a_new_key_is_looked_at_first_then_made_then_settled_then_validated(
    project: Project, settings: dict[str, Any], rule: dict[str, Any], upgrade: str, downgrade: str
) -> None:
    """What would refuse the settling refuses before the key stands; once it stands, no other orphans come."""
    concurrently(project, **settings)
    run_scenario(project, before=PLAIN, after=posts(**rule), upgrade=upgrade, downgrade=downgrade, setup=[
        "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, NULL)",
    ], tables=["users", "posts"])  # fmt: skip


def test_a_key_that_refers_to_its_own_table(project: Project) -> None:
    """A tree is settled like any other table."""
    concurrently(project)
    run_scenario(
        project,
        before=models(nodes=[number("up")]),
        after=models(nodes=[reference("up", "nodes.id", ondelete="CASCADE")]),
        setup=["INSERT INTO nodes SELECT n, CASE n WHEN 1 THEN NULL ELSE n - 1 END FROM generate_series(1, 5) n", "INSERT INTO nodes VALUES (7, 8), (9, 7)"],
        tables=["nodes"],
        upgrade=new_key("# nodes.up -> nodes.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them", "quarantine", "ondelete='CASCADE', ", name="nodes_up_fkey"),
        downgrade=back("""\
op.drop_foreign_key('nodes_up_fkey', 'nodes', 'nodes', ['up'], ['id'], concurrently=True)
op.restore_orphans('nodes', 'nodes', ['up'], ['id'], revision=revision, concurrently=True)
"""),
    )  # fmt: skip
    assert project.fetch("SELECT max(id) FROM nodes") == [(5,)]


def test_a_key_of_two_columns(project: Project) -> None:
    """Its columns stand in the order of the model."""

    def tenants(*key: Any) -> MetaData:
        return models(
            users=[number("tenant"), UniqueConstraint("tenant", "id", name="users_tenant")],
            posts=[number("tenant"), number("author"), *key],
        )

    concurrently(project)
    run_scenario(
        project,
        before=tenants(),
        after=tenants(ForeignKeyConstraint(["tenant", "author"], ["users.tenant", "users.id"], ondelete="CASCADE")),
        setup=["INSERT INTO users VALUES (1, 1)", "INSERT INTO posts VALUES (1, 1, 1), (2, 2, 1), (3, NULL, 9)"],
        tables=["posts"],
        upgrade=new_key("""\
# posts.(tenant, author) -> users.(tenant, id): orphans go into the quarantine, as ON DELETE CASCADE
# would delete them""", "quarantine", "ondelete='CASCADE', ", name="posts_tenant_author_fkey"),
        downgrade=back("""\
op.drop_foreign_key(
    'posts_tenant_author_fkey', 'posts', 'users', ['tenant', 'author'], ['tenant', 'id'],
    concurrently=True,
)
op.restore_orphans(
    'posts', 'users', ['tenant', 'author'], ['tenant', 'id'],
    revision=revision, concurrently=True,
)
"""),
    )  # fmt: skip
    assert project.fetch("SELECT id FROM posts ORDER BY id") == [(1,), (3,)]


def test_a_key_of_another_schema(project: Project) -> None:
    """Each operation says where its tables are."""

    def app(key: Any) -> MetaData:
        metadata = MetaData(schema="app")
        add_table(metadata, "users")
        add_table(metadata, "posts", key)
        return metadata

    place = "source_schema='app', referent_schema='app', concurrently=True"
    concurrently(project)
    project.options["include_schemas"] = True
    project.execute("CREATE SCHEMA app")
    project.create(app(number("user_id")))
    run_scenario(
        project,
        before=None,
        after=app(reference("user_id", "app.users.id", ondelete="CASCADE")),
        setup=["INSERT INTO app.users VALUES (1)", "INSERT INTO app.posts VALUES (1, 1), (2, 9)"],
        tables=["app.posts"],
        upgrade=block(f"""\
# app.posts.user_id -> app.users.id: orphans go into the quarantine, as ON DELETE CASCADE would
# delete them
op.clean_orphans(
    {KEY},
    strategy='quarantine', revision=revision, check_only=True, source_schema='app',
    referent_schema='app', concurrently=True,
)
op.add_foreign_key(
    'posts_user_id_fkey', {KEY},
    ondelete='CASCADE', not_valid=True, {place},
)
op.clean_orphans(
    {KEY},
    strategy='quarantine', revision=revision, source_schema='app', referent_schema='app',
    concurrently=True,
)
op.alter_foreign_key(
    'posts_user_id_fkey', {KEY},
    ondelete='CASCADE', not_valid=False, source_schema='app', referent_schema='app',
    existing_not_valid=True, concurrently=True,
)
"""),
        downgrade=back(f"""\
op.drop_foreign_key(
    'posts_user_id_fkey', {KEY},
    {place},
)
op.restore_orphans(
    {KEY},
    revision=revision, {place},
)
"""),
    )
    assert project.fetch("SELECT id FROM app.posts") == [(1,)]


def test_another_rule(project: Project) -> None:
    """One ALTER TABLE and a look at the rows; the way down has nothing to settle, for the key was valid."""
    concurrently(project)
    run_scenario(
        project, before=posts(), after=posts(ondelete="CASCADE"), upgrade=RULE, downgrade=RULE_BACK,
        setup=["INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1)"], tables=["users", "posts"],
    )  # fmt: skip


def test_a_key_that_is_declared_not_valid_is_made_in_one_step(project: Project) -> None:
    """Old rows are asked to stay as they are."""
    key = ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE", postgresql_not_valid=True)
    concurrently(project)
    run_scenario(
        project,
        before=PLAIN,
        after=models(users=[], posts=[number("user_id"), key]),
        setup=["INSERT INTO posts VALUES (1, 1)"],
        tables=["posts"],
        upgrade=block(f"op.add_foreign_key(\n    'posts_user_id_fkey', {KEY},\n    ondelete='CASCADE', not_valid=True, concurrently=True,\n)\n"),
        downgrade=back(DROP),
    )  # fmt: skip


def test_a_key_that_stands_not_valid_is_settled_and_validated(project: Project) -> None:
    """It lets no other orphans in, so that nothing has to be looked at before."""
    concurrently(project)
    run_scenario(
        project,
        before=PLAIN,
        after=posts(ondelete="CASCADE"),
        setup=[
            "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, 9)",
            "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID",
        ],
        tables=["posts"],
        upgrade=block(f"""\
{SET_ASIDE}
op.clean_orphans(
    {KEY},
    strategy='quarantine', revision=revision, concurrently=True,
)
op.alter_foreign_key(
    'posts_user_id_fkey', {KEY},
    ondelete='CASCADE', not_valid=False, existing_not_valid=True, concurrently=True,
)
"""),
        downgrade=back(f"""\
op.alter_foreign_key(
    'posts_user_id_fkey', {KEY},
    ondelete='CASCADE', not_valid=True, existing_not_valid=False, concurrently=True,
)
{RESTORE}"""),
    )  # fmt: skip
    assert project.fetch("SELECT id FROM posts") == [(1,)]


def test_a_key_that_is_there_twice_is_dropped_once(project: Project) -> None:
    """The way down makes the second one as it makes any other key."""
    concurrently(project)
    run_scenario(
        project, before=posts(), after=posts(),
        setup=["ALTER TABLE posts ADD CONSTRAINT again FOREIGN KEY (user_id) REFERENCES users"],
        upgrade=block(f"op.drop_foreign_key('again', {KEY}, doubled=True, concurrently=True)\n"),
        downgrade=new_key(STOP, "fail", name="again").replace("(revision)", "(down_revision)", 1),
    )  # fmt: skip
