"""The order of operations across tables: each finds what it needs, in the same text in every run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from models import add_table, models, number, reference
from scenario import run_scenario
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Numeric, Table, UniqueConstraint

if TYPE_CHECKING:
    from project import Project


def test_a_key_comes_after_the_column_and_the_unique_that_it_needs(project: Project) -> None:
    """Plain Alembic creates it with the table of the child, whatever the parent still lacks."""
    run_scenario(
        project,
        before=models(zones=[], areas=[]),
        after=models(
            zones=[number("code"), UniqueConstraint("code")],
            areas=[reference("zone", "zones.code")],
            blocks=[reference("zone", "zones.code")],
        ),
        upgrade="""\
op.create_table('blocks',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('zone', sa.Integer(), nullable=True),
sa.PrimaryKeyConstraint('id')
)
op.add_column('areas', sa.Column('zone', sa.Integer(), nullable=True))
op.add_column('zones', sa.Column('code', sa.Integer(), nullable=True))
op.create_unique_constraint(op.f('zones_code_key'), 'zones', ['code'])
op.create_foreign_key(op.f('areas_zone_fkey'), 'areas', 'zones', ['zone'], ['code'])
op.create_foreign_key(op.f('blocks_zone_fkey'), 'blocks', 'zones', ['zone'], ['code'])
""",
        downgrade="""\
op.drop_constraint(op.f('blocks_zone_fkey'), 'blocks', type_='foreignkey')
op.drop_constraint(op.f('areas_zone_fkey'), 'areas', type_='foreignkey')
op.drop_constraint(op.f('zones_code_key'), 'zones', type_='unique')
op.drop_column('zones', 'code')
op.drop_column('areas', 'zone')
op.drop_table('blocks')
""",
    )


def test_a_key_is_dropped_before_what_it_needs(project: Project) -> None:
    """Neither a UNIQUE nor a table can go while a key refers to it."""
    run_scenario(
        project,
        before=models(
            zones=[number("code"), UniqueConstraint("code", name="zones_code")],
            regions=[],
            areas=[reference("zone", "zones.code"), reference("region", "regions.id")],
        ),
        after=models(zones=[], areas=[number("zone"), number("region")]),
        upgrade="""\
op.drop_constraint(op.f('areas_region_fkey'), 'areas', type_='foreignkey')
op.drop_constraint(op.f('areas_zone_fkey'), 'areas', type_='foreignkey')
op.drop_table('regions')
op.drop_constraint(op.f('zones_code'), 'zones', type_='unique')
op.drop_column('zones', 'code')
""",
        downgrade="""\
op.add_column('zones', sa.Column('code', sa.INTEGER(), autoincrement=False, nullable=True))
op.create_unique_constraint(op.f('zones_code'), 'zones', ['code'], postgresql_nulls_not_distinct=False)
op.create_table('regions',
sa.Column('id', sa.INTEGER(), autoincrement=False, nullable=False),
sa.PrimaryKeyConstraint('id', name=op.f('regions_pkey'))
)
op.create_foreign_key(op.f('areas_zone_fkey'), 'areas', 'zones', ['zone'], ['code'])
op.create_foreign_key(op.f('areas_region_fkey'), 'areas', 'regions', ['region'], ['id'])
""",
    )


def test_a_key_goes_round_the_rename_of_the_unique_that_it_needs(project: Project) -> None:
    """PostgreSQL refuses to drop a UNIQUE that an unchanged key depends on."""
    run_scenario(
        project,
        before=models(
            zones=[number("code"), UniqueConstraint("code", name="old")], areas=[reference("zone", "zones.code")]
        ),
        after=models(
            zones=[number("code"), UniqueConstraint("code", name="new")], areas=[reference("zone", "zones.code")]
        ),
        upgrade="""\
op.drop_constraint(op.f('areas_zone_fkey'), 'areas', type_='foreignkey')
op.drop_constraint(op.f('old'), 'zones', type_='unique')
op.create_unique_constraint('new', 'zones', ['code'])
op.create_foreign_key(op.f('areas_zone_fkey'), 'areas', 'zones', ['zone'], ['code'])
""",
        downgrade="""\
op.drop_constraint(op.f('areas_zone_fkey'), 'areas', type_='foreignkey')
op.drop_constraint('new', 'zones', type_='unique')
op.create_unique_constraint(op.f('old'), 'zones', ['code'], postgresql_nulls_not_distinct=False)
op.create_foreign_key(op.f('areas_zone_fkey'), 'areas', 'zones', ['zone'], ['code'])
""",
    )


def test_rule_changes_come_first_and_keys_that_close_a_cycle_last(project: Project) -> None:
    """A new CASCADE protects what follows; parents come before children."""
    run_scenario(
        project,
        before=models(a=[number("b")], b=[number("c"), number("a")], c=[], d=[reference("c", "c.id")]),
        after=models(
            a=[reference("b", "b.id", use_alter=True)],
            b=[reference("c", "c.id"), reference("a", "a.id")],
            c=[],
            d=[reference("c", "c.id", ondelete="CASCADE")],
        ),
        upgrade="""\
op.alter_foreign_key(
    'd_c_fkey', 'd', 'c', ['c'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
op.create_foreign_key(op.f('b_c_fkey'), 'b', 'c', ['c'], ['id'])
op.create_foreign_key(op.f('a_b_fkey'), 'a', 'b', ['b'], ['id'])
op.create_foreign_key(op.f('b_a_fkey'), 'b', 'a', ['a'], ['id'])
""",
        downgrade="""\
op.drop_constraint(op.f('b_a_fkey'), 'b', type_='foreignkey')
op.drop_constraint(op.f('a_b_fkey'), 'a', type_='foreignkey')
op.drop_constraint(op.f('b_c_fkey'), 'b', type_='foreignkey')
op.alter_foreign_key(
    'd_c_fkey', 'd', 'c', ['c'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
""",
    )


def cycle(**rule: object) -> MetaData:
    return models(a=[reference("b_id", "b.id", **rule)], b=[reference("a_id", "a.id")])


def test_a_cycle_of_new_tables_is_closed_after_both(project: Project) -> None:
    """Plain Alembic leaves a key with use_alter out without a word."""
    run_scenario(
        project,
        before=None,
        after=cycle(use_alter=True, name="a_to_b"),
        upgrade="""\
op.create_table('b',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('a_id', sa.Integer(), nullable=True),
sa.PrimaryKeyConstraint('id')
)
op.create_table('a',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('b_id', sa.Integer(), nullable=True),
sa.PrimaryKeyConstraint('id')
)
op.create_foreign_key('a_to_b', 'a', 'b', ['b_id'], ['id'])
op.create_foreign_key(op.f('b_a_id_fkey'), 'b', 'a', ['a_id'], ['id'])
""",
        downgrade="""\
op.drop_constraint(op.f('b_a_id_fkey'), 'b', type_='foreignkey')
op.drop_constraint('a_to_b', 'a', type_='foreignkey')
op.drop_table('a')
op.drop_table('b')
""",
    )


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_a_cycle_of_dropped_tables_is_opened_before_both(project: Project) -> None:
    """And closed again by the downgrade, after both."""
    run_scenario(
        project,
        before=cycle(),
        after=MetaData(),
        upgrade="""\
op.drop_constraint(op.f('b_a_id_fkey'), 'b', type_='foreignkey')
op.drop_table('a')
op.drop_table('b')
""",
        downgrade="""\
op.create_table('b',
sa.Column('id', sa.INTEGER(), autoincrement=False, nullable=False),
sa.Column('a_id', sa.INTEGER(), autoincrement=False, nullable=True),
sa.PrimaryKeyConstraint('id', name=op.f('b_pkey'))
)
op.create_table('a',
sa.Column('id', sa.INTEGER(), autoincrement=False, nullable=False),
sa.Column('b_id', sa.INTEGER(), autoincrement=False, nullable=True),
sa.ForeignKeyConstraint(['b_id'], ['b.id'], name=op.f('a_b_id_fkey')),
sa.PrimaryKeyConstraint('id', name=op.f('a_pkey'))
)
op.create_foreign_key(op.f('b_a_id_fkey'), 'b', 'a', ['a_id'], ['id'])
""",
    )


def test_a_new_self_reference_waits_for_its_unique_index(project: Project) -> None:
    """CREATE TABLE makes constraints, and no index."""
    run_scenario(
        project,
        before=None,
        after=models(staff=[number("code", unique=True, index=True), reference("boss", "staff.code")]),
        upgrade="""\
op.create_table('staff',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('code', sa.Integer(), nullable=True),
sa.Column('boss', sa.Integer(), nullable=True),
sa.PrimaryKeyConstraint('id')
)
op.create_index(op.f('ix_staff_code'), 'staff', ['code'], unique=True)
op.create_foreign_key(op.f('staff_boss_fkey'), 'staff', 'staff', ['boss'], ['code'])
""",
        downgrade="""\
op.drop_constraint(op.f('staff_boss_fkey'), 'staff', type_='foreignkey')
op.drop_index(op.f('ix_staff_code'), table_name='staff')
op.drop_table('staff')
""",
    )


def test_tables_of_several_collections_are_made_parents_first(project: Project) -> None:
    """Alembic sorts each collection for itself."""
    parents, children = models(users=[]), MetaData()
    add_table(children, "posts", Column("user_id", ForeignKey(parents.tables["users"].c.id)))
    run_scenario(
        project,
        before=None,
        after=[children, parents],
        upgrade="""\
op.create_table('users',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.PrimaryKeyConstraint('id')
)
op.create_table('posts',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('user_id', sa.Integer(), nullable=True),
sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),
sa.PrimaryKeyConstraint('id')
)
""",
        downgrade="op.drop_table('posts')\nop.drop_table('users')\n",
    )


HASHED = """
import sys
from pathlib import Path
from sqlalchemy import make_url
from models import add_table, models, number, reference
from project import Project

project = Project(Path(sys.argv[1]), make_url(sys.argv[2]))
project.metadata = models(
    p=[],
    kept=[*(reference(f"r{n}", "p.id", ondelete="CASCADE") for n in range(9))],
    made=[*(reference(f"r{n}", "p.id") for n in range(9))],
)
revision = project.revision()
print("\\n=====\\n", revision.upgrade, revision.downgrade)
"""


def test_the_text_is_the_same_for_every_hash_seed(project: Project, tmp_path: Path) -> None:
    """Alembic takes columns, keys and tables out of sets."""
    project.create(
        models(
            p=[],
            kept=[*(reference(f"r{n}", "p.id") for n in range(9)), *(number(f"gone{n}") for n in range(9))],
            **{f"dropped{n}": [reference("p", "p.id")] for n in range(5)},
            other=[*(reference(f"d{n}", f"dropped{n}.id") for n in range(5))],
        )
    )
    script = tmp_path / "hashed.py"
    script.write_text(HASHED)
    texts = {
        subprocess.run(
            [sys.executable, script, tmp_path / seed, project.url.render_as_string(hide_password=False)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.partition("=====")[2]
        for seed in ("0", "1", "2", "3")
    }
    assert len(texts) == 1
    assert "gone8" in texts.pop()


def test_an_inline_key_waits_for_a_unique_index_of_its_parent(project: Project) -> None:
    """Alembic makes new tables before it alters those that are there."""
    run_scenario(
        project,
        before=models(zones=[number("code")]),
        after=models(zones=[number("code", unique=True, index=True)], areas=[reference("zone", "zones.code")]),
        upgrade="""\
op.create_table('areas',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('zone', sa.Integer(), nullable=True),
sa.PrimaryKeyConstraint('id')
)
op.create_index(op.f('ix_zones_code'), 'zones', ['code'], unique=True)
op.create_foreign_key(op.f('areas_zone_fkey'), 'areas', 'zones', ['zone'], ['code'])
""",
        downgrade="""\
op.drop_constraint(op.f('areas_zone_fkey'), 'areas', type_='foreignkey')
op.drop_index(op.f('ix_zones_code'), table_name='zones')
op.drop_table('areas')
""",
    )


# Alembic's own text for a key column without autoincrement, which only MySQL has a use for.
@pytest.mark.filterwarnings("ignore:autoincrement and existing_autoincrement")
def test_a_key_is_let_go_while_both_of_its_ends_change_their_type(project: Project) -> None:
    """Between the two ALTER COLUMNs its ends would not fit together."""

    def zones(type_: type[Integer | Numeric]) -> MetaData:
        metadata = MetaData()
        Table("zones", metadata, Column("id", type_, primary_key=True, autoincrement=False))
        Table("areas", metadata, Column("zone", ForeignKey("zones.id")), Column("size", Integer))
        return metadata

    run_scenario(
        project,
        before=zones(Integer),
        after=zones(Numeric),
        upgrade="""\
op.drop_constraint(op.f('areas_zone_fkey'), 'areas', type_='foreignkey')
op.alter_column('areas', 'zone',
           existing_type=sa.INTEGER(),
           type_=sa.Numeric(),
           existing_nullable=True)
op.alter_column('zones', 'id',
           existing_type=sa.INTEGER(),
           type_=sa.Numeric(),
           existing_nullable=False,
           autoincrement=False)
op.create_foreign_key(op.f('areas_zone_fkey'), 'areas', 'zones', ['zone'], ['id'])
""",
        downgrade="""\
op.drop_constraint(op.f('areas_zone_fkey'), 'areas', type_='foreignkey')
op.alter_column('zones', 'id',
           existing_type=sa.Numeric(),
           type_=sa.INTEGER(),
           existing_nullable=False,
           autoincrement=False)
op.alter_column('areas', 'zone',
           existing_type=sa.Numeric(),
           type_=sa.INTEGER(),
           existing_nullable=True)
op.create_foreign_key(op.f('areas_zone_fkey'), 'areas', 'zones', ['zone'], ['id'])
""",
    )


def test_a_key_stays_where_an_index_goes_that_it_can_not_need(project: Project) -> None:
    """A partial index is no referent."""
    before = models(zones=[number("code"), UniqueConstraint("code")], areas=[reference("zone", "zones.code")])
    run_scenario(
        project,
        before=before,
        after=before,
        setup=["CREATE UNIQUE INDEX some_zones ON zones (code) WHERE id > 0"],
        upgrade="op.drop_index(op.f('some_zones'), table_name='zones', postgresql_where='(id > 0)')\n",
        downgrade=(
            "op.create_index(op.f('some_zones'), 'zones', ['code'], unique=True, postgresql_where='(id > 0)')\n"
        ),
    )
