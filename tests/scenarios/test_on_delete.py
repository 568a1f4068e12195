"""Rules that changed: the whole text of a revision, then up, down and up on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models import models, number, reference
from scenario import run_scenario
from sqlalchemy import ForeignKeyConstraint, MetaData

if TYPE_CHECKING:
    from project import Project


def posts(**rule: object) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def lines(columns: list[str], **rule: object) -> MetaData:
    remote = {"order_id": "orders.id", "region": "orders.region"}
    return models(
        orders=[number("region", primary_key=True)],
        lines=[
            number("order_id"),
            number("region"),
            ForeignKeyConstraint(columns, [remote[column] for column in columns], **rule),
        ],
    )


def test_an_unnamed_key_is_altered_under_the_name_that_the_database_gave_it(project: Project) -> None:
    """Plain Alembic writes drop_constraint(None) into the downgrade."""
    run_scenario(
        project,
        before=posts(),
        after=posts(ondelete="CASCADE"),
        upgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )


def test_every_attribute_of_the_rule_is_written_and_given_back(project: Project) -> None:
    """What the downgrade does not say, it could not restore."""
    run_scenario(
        project,
        before=posts(ondelete="CASCADE", onupdate="CASCADE", deferrable=True, initially="DEFERRED", match="FULL"),
        after=posts(ondelete="SET NULL"),
        upgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='SET NULL', onupdate=None, deferrable=None, initially=None, match=None,
    existing_ondelete='CASCADE', existing_onupdate='CASCADE', existing_deferrable=True,
    existing_initially='DEFERRED', existing_match='FULL',
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', onupdate='CASCADE', deferrable=True, initially='DEFERRED', match='FULL',
    existing_ondelete='SET NULL', existing_onupdate=None, existing_deferrable=None,
    existing_initially=None, existing_match=None,
)
""",
    )


def test_a_composite_key_keeps_the_column_order_of_the_database(project: Project) -> None:
    """The order is no part of the change; the downgrade gives back the definition to the letter."""
    run_scenario(
        project,
        before=lines(["order_id", "region"]),
        after=lines(["region", "order_id"], ondelete="CASCADE"),
        upgrade="""\
op.alter_foreign_key(
    'lines_order_id_region_fkey', 'lines', 'orders', ['order_id', 'region'], ['id', 'region'],
    ondelete='CASCADE', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'lines_order_id_region_fkey', 'lines', 'orders', ['order_id', 'region'], ['id', 'region'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )


def test_the_columns_that_set_null_clears_are_part_of_the_rule(project: Project) -> None:
    """SET NULL (order_id) leaves the region; SET NULL does not."""
    run_scenario(
        project,
        before=lines(["order_id", "region"], ondelete="SET NULL (order_id, region)"),
        after=lines(["order_id", "region"], ondelete="set null ( order_id )"),
        upgrade="""\
op.alter_foreign_key(
    'lines_order_id_region_fkey', 'lines', 'orders', ['order_id', 'region'], ['id', 'region'],
    ondelete='SET NULL (order_id)', existing_ondelete='SET NULL (order_id, region)',
)
""",
        downgrade="""\
op.alter_foreign_key(
    'lines_order_id_region_fkey', 'lines', 'orders', ['order_id', 'region'], ['id', 'region'],
    ondelete='SET NULL (order_id, region)', existing_ondelete='SET NULL (order_id)',
)
""",
    )


def test_a_self_reference_is_altered_like_any_other_key(project: Project) -> None:
    """Parent and child are one table, which is locked once."""
    run_scenario(
        project,
        before=models(staff=[reference("boss_id", "staff.id")]),
        after=models(staff=[reference("boss_id", "staff.id", ondelete="SET NULL")]),
        upgrade="""\
op.alter_foreign_key(
    'staff_boss_id_fkey', 'staff', 'staff', ['boss_id'], ['id'],
    ondelete='SET NULL', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'staff_boss_id_fkey', 'staff', 'staff', ['boss_id'], ['id'],
    ondelete=None, existing_ondelete='SET NULL',
)
""",
    )


def test_the_comment_on_a_key_outlives_the_change(project: Project) -> None:
    """DROP CONSTRAINT takes the comment along."""
    run_scenario(
        project,
        before=posts(),
        after=posts(ondelete="CASCADE"),
        setup=["COMMENT ON CONSTRAINT posts_user_id_fkey ON posts IS 'it''s :kept, 100 %'"],
        upgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )


def test_a_key_of_a_partitioned_table_is_altered_on_its_root(project: Project) -> None:
    """The clones on the partitions follow; altering them is refused by PostgreSQL."""
    after = posts(ondelete="CASCADE")
    project.options |= {"include_object": lambda _object, name, *_: name != "posts_first"}
    run_scenario(
        project,
        before=None,
        after=after,
        setup=[
            "CREATE TABLE users (id int PRIMARY KEY)",
            "CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users) PARTITION BY RANGE (id)",
            "CREATE TABLE posts_first PARTITION OF posts FOR VALUES FROM (0) TO (100)",
        ],
        upgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )


def test_a_key_to_a_partitioned_table_is_altered_with_its_clones(project: Project) -> None:
    """PostgreSQL has one more key for each partition of the referent; plain Alembic tries to drop those."""
    project.options |= {"include_object": lambda _object, name, *_: name != "users_first"}
    run_scenario(
        project,
        before=None,
        after=posts(ondelete="CASCADE"),
        setup=[
            "CREATE TABLE users (id int PRIMARY KEY) PARTITION BY RANGE (id)",
            "CREATE TABLE users_first PARTITION OF users FOR VALUES FROM (0) TO (100)",
            "CREATE TABLE posts (id int PRIMARY KEY, user_id int REFERENCES users)",
        ],
        upgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )
