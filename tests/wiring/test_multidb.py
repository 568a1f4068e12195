"""Several databases in one env.py: each ``configure`` call has settings of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Engine
from template_project import TABLES, TemplateProject, execute, rules, run_script, written

MODELS = """\
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table


def blog(ondelete):
    metadata = MetaData()
    Table("users", metadata, Column("id", Integer, primary_key=True))
    Table(
        "posts",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("user_id", ForeignKey("users.id", ondelete=ondelete)),
    )
    Table("legacy", metadata, Column("id", Integer, primary_key=True))
    return metadata


target_metadata = {"engine1": blog("CASCADE"), "engine2": blog("SET NULL")}
"""


@pytest.fixture
def project(workplace: Path, engine: Engine, second_engine: Engine) -> TemplateProject:
    """Two databases with the same tables; the settings of the first say that it may lack one of them."""
    wiring = "**configure_options(CascadeConfig(optional_tables=['legacy'] if name == 'engine1' else []))"
    project = TemplateProject(workplace, "multidb", wiring=wiring)
    project.edit("alembic.ini", "driver://user:pass@localhost/dbname2", written(second_engine.url))
    project.connect_to(written(engine.url))
    project.declare(MODELS)
    execute(engine, *TABLES)
    execute(second_engine, *TABLES)
    return project


def body(revision: str, function: str) -> str:
    found = re.search(rf"^def {function}\(\) -> None:\n(.*?)(?=^def |\Z)", revision, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found.group(1)


def test_each_database_of_the_multidb_template_gets_its_own_operations(
    project: TemplateProject, engine: Engine, second_engine: Engine
) -> None:
    """One revision holds the bodies of all databases, run one after the other in one process."""
    revision = project.autogenerate()
    assert "ondelete='CASCADE', existing_ondelete=None" in body(revision, "upgrade_engine1")
    assert "ondelete='SET NULL', existing_ondelete=None" in body(revision, "upgrade_engine2")
    project.run("upgrade", "head", "--sql")
    execute(engine, "DROP TABLE alembic_version")
    execute(second_engine, "DROP TABLE alembic_version")
    run_script(engine, (project.path / "engine1.sql").read_text())
    run_script(second_engine, (project.path / "engine2.sql").read_text())
    assert (rules(engine), rules(second_engine)) == ({"posts_user_id_fkey": "c"}, {"posts_user_id_fkey": "n"})
    project.run("downgrade", "-1")
    assert (rules(engine), rules(second_engine)) == ({"posts_user_id_fkey": "a"}, {"posts_user_id_fkey": "a"})
    project.run("upgrade", "head")
    assert (rules(engine), rules(second_engine)) == ({"posts_user_id_fkey": "c"}, {"posts_user_id_fkey": "n"})
    project.run("check")


def test_the_settings_of_one_configure_call_are_unknown_to_the_next(project: TemplateProject) -> None:
    """Settings kept in a global would make the last, or the first, database's hold for all."""
    revision = project.autogenerate()
    assert "legacy" not in body(revision, "upgrade_engine1")
    assert "op.create_table('legacy'" in body(revision, "upgrade_engine2")
