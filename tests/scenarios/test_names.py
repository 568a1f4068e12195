"""The names of keys: the model's, else the database's, else PostgreSQL's own; as nasty as it allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import add_table, models, number, reference
from psql import run_script
from scenario import run_scenario, run_up_down_up
from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, MetaData

if TYPE_CHECKING:
    from project import Project


def test_the_name_of_the_model_replaces_that_of_the_database_where_the_key_changes(project: Project) -> None:
    """And the downgrade gives the old one back."""
    run_scenario(
        project,
        before=models(users=[], posts=[reference("user_id", "users.id")]),
        after=models(
            convention={"fk": "fk_%(table_name)s_%(column_0_name)s"},
            users=[],
            posts=[reference("user_id", "users.id", ondelete="CASCADE")],
        ),
        upgrade="""\
op.alter_foreign_key(
    'fk_posts_user_id', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_constraint_name='posts_user_id_fkey', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_constraint_name='fk_posts_user_id', existing_ondelete='CASCADE',
)
""",
    )


def test_a_name_that_another_key_still_has_is_not_taken(project: Project) -> None:
    """Two keys that swap their names would be in each other's way; a name alone is no drift."""

    def pair(first: str, second: str, **rule: object) -> MetaData:
        return models(
            users=[], posts=[reference("a", "users.id", name=first, **rule), reference("b", "users.id", name=second)]
        )

    run_scenario(
        project,
        before=pair("one", "two"),
        after=pair("two", "one", ondelete="CASCADE"),
        upgrade="""\
op.alter_foreign_key(
    'one', 'posts', 'users', ['a'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'one', 'posts', 'users', ['a'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )


def test_a_new_nameless_key_gets_the_name_that_postgresql_would_give(project: Project) -> None:
    """Counted up, for the first one is taken by another table's key."""
    run_scenario(
        project,
        before=models(a_b=[number("c")], a=[reference("b_c", "a.id")]),
        after=models(a_b=[reference("c", "a.id")], a=[reference("b_c", "a.id")]),
        upgrade="op.create_foreign_key(op.f('a_b_c_fkey1'), 'a_b', 'a', ['c'], ['id'])\n",
        downgrade="op.drop_constraint(op.f('a_b_c_fkey1'), 'a_b', type_='foreignkey')\n",
    )


NASTY = [
    'quo"te', "apo'strophe", "sp ace", "per%cent", "%s %(x)s", "co:lon :x", "$tag$ $cascade$", "UPPER", "select",
    "Ünïcödé ☃", "back\\slash \\:x", "dot.ted", "x" * 63, "ß" * 31,
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_no_name_is_too_nasty(project: Project, name: str) -> None:
    """Tables, columns and keys, through Alembic and through psql."""

    def nasty(**rule: object) -> MetaData:
        metadata = MetaData()
        add_table(metadata, name, Column(name + "2"[: 63 - len(name.encode())], Integer), schema=None)
        parent = metadata.tables[name]
        add_table(metadata, "child", Column(name, Integer))
        child = metadata.tables["child"]
        child.append_constraint(ForeignKeyConstraint([child.c[name]], [parent.c.id], name=name, **rule))
        return metadata

    project.create(nasty())
    project.metadata = nasty(ondelete="CASCADE")
    assert "op.alter_foreign_key(" in project.revision().upgrade
    run_up_down_up(project)
    project.downgrade()
    project.execute("DROP TABLE alembic_version")
    run_script(project.url, project.upgrade_script())
    project.check()


def test_a_convention_longer_than_a_name_can_be_is_cut_as_sqlalchemy_cuts_it(project: Project) -> None:
    """Otherwise the downgrade would look for a name that was never there."""
    long_name = "a_rather_long_name_of_a_table_for_a_test"

    def long_names(**rule: object) -> MetaData:
        metadata = MetaData(naming_convention={"fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s"})
        add_table(metadata, "users")
        add_table(metadata, long_name, Column("a_rather_long_column", ForeignKey("users.id", **rule)))
        return metadata

    project.create(long_names())
    project.metadata = long_names(ondelete="CASCADE")
    assert "existing_constraint_name" not in project.revision().text
    run_up_down_up(project)


KEYS = "SELECT conname, confrelid::regclass::text, confdeltype FROM pg_constraint WHERE contype = 'f' ORDER BY 1"


def test_a_namesake_on_other_columns_is_another_key(project: Project) -> None:
    """PostgreSQL counts nameless keys up, in every deployment in the order in which they were made."""
    project.execute(
        "CREATE TABLE p (id int PRIMARY KEY)",
        "CREATE TABLE q (id int PRIMARY KEY)",
        "CREATE TABLE c (id int PRIMARY KEY, x int)",
        "ALTER TABLE c ADD CONSTRAINT c_x_fkey FOREIGN KEY (x) REFERENCES q",
        "ALTER TABLE c ADD CONSTRAINT c_x_fkey1 FOREIGN KEY (x) REFERENCES p",
    )
    project.write_revision(
        "op.alter_foreign_key('c_x_fkey', 'c', 'p', ['x'], ['id'], ondelete='CASCADE', existing_ondelete=None)",
        "op.drop_foreign_key('c_x_fkey', 'c', 'p', ['x'], ['id'])",
    )
    project.upgrade()
    assert project.fetch(KEYS) == [("c_x_fkey", "q", "a"), ("c_x_fkey1", "p", "c")]
    project.downgrade()
    assert project.fetch(KEYS) == [("c_x_fkey", "q", "a")]


def test_a_key_with_a_name_of_its_own_keeps_it_where_the_revision_renames(project: Project) -> None:
    """The downgrade could not give it back."""
    project.create(models(p=[], c=[reference("x", "p.id", name="by_hand")]))
    project.write_revision(
        "op.alter_foreign_key('new', 'c', 'p', ['x'], ['id'], ondelete='CASCADE', existing_ondelete=None, "
        "existing_constraint_name='old')",
        "op.alter_foreign_key('old', 'c', 'p', ['x'], ['id'], existing_ondelete='CASCADE', "
        "existing_constraint_name='new')",
    )
    project.upgrade()
    assert project.fetch(KEYS) == [("by_hand", "p", "c")]
    project.downgrade()
    assert project.fetch(KEYS) == [("by_hand", "p", "a")]
