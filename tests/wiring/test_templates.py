"""Alembic's own templates with the documented wiring, over every driver, through Alembic's command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine
from template_project import DRIVERS, MODELS, TABLES, TemplateProject, execute, rules, run_script, written

ALTERED = """\
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
        ondelete='CASCADE', existing_ondelete=None,
    )
"""
RESTORED = """\
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
        ondelete=None, existing_ondelete='CASCADE',
    )
"""


def tell_story(project: TemplateProject, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Write a revision, run it by a script, back, up, and see no drift."""
    execute(engine, *TABLES)
    project.declare(MODELS.format(ondelete="CASCADE"))
    revision = project.autogenerate()
    assert ALTERED in revision
    assert RESTORED in revision
    capsys.readouterr()
    project.run("upgrade", "head", "--sql")
    # The script is for a deployment that Alembic has not been at yet.
    execute(engine, "DROP TABLE alembic_version")
    run_script(engine, capsys.readouterr().out)
    assert rules(engine) == {"posts_user_id_fkey": "c"}
    project.run("downgrade", "-1")
    assert rules(engine) == {"posts_user_id_fkey": "a"}
    project.run("upgrade", "head")
    assert rules(engine) == {"posts_user_id_fkey": "c"}
    project.run("check")


@pytest.mark.parametrize(("template", "driver"), DRIVERS)
def test_a_template_needs_one_line_to_alter_a_key_and_back(
    workplace: Path, engine: Engine, capsys: pytest.CaptureFixture[str], template: str, driver: str
) -> None:
    """What a new project is made of is what most projects still look like."""
    project = TemplateProject(workplace, template)
    project.connect_to(written(engine.url, driver))
    tell_story(project, engine, capsys)


def test_check_finds_the_drift_of_a_rule(workplace: Path, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """CI of projects runs ``alembic check``; it fails, with the drop and create that it always spoke of."""
    project = TemplateProject(workplace, "generic")
    project.connect_to(written(engine.url))
    execute(engine, *TABLES)
    project.declare(MODELS.format(ondelete="CASCADE"))
    project.run("stamp", "head")
    with pytest.raises(SystemExit) as stopped:
        project.run("check")
    assert stopped.value.code not in {0, None}
    found = capsys.readouterr().out
    assert "('remove_fk'" in found
    assert "('add_fk'" in found
