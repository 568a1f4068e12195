"""Errors at the real command line: said in a line, without a traceback, and the database as it was."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from project import catalogue
from template_project import MODELS, TABLES, TemplateProject, execute, written

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

REVISION = """\
from alembic import op
import sqlalchemy as sa

revision = "1"
down_revision = None


def upgrade():
    op.create_table("made_before", sa.Column("id", sa.Integer, primary_key=True))
    {operation}


def downgrade():
    op.drop_table("made_before")
"""

REFUSED_OPERATIONS = {
    "a table that is absent": (
        "op.alter_foreign_key('x', 'nobody', 'users', ['user_id'], ['id'], ondelete='CASCADE')",
        "the table nobody does not exist",
    ),
    "a key that is absent": (
        "op.alter_foreign_key('x', 'posts', 'users', ['id'], ['id'], ondelete='CASCADE')",
        "posts has no foreign key 'x'",
    ),
    "rows without a parent": (
        "op.add_foreign_key('x', 'posts', 'users', ['orphaned'], ['id'])",
        "posts holds rows without a parent",
    ),
    "references without a translation": (
        "op.translate_references('posts', 'users', ['orphaned'], from_cols=['id'], to_cols=['code'])",
        "can't be translated",
    ),
    "an argument that can't be": (
        "op.alter_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], ondelete='EXPLODE')",
        "'EXPLODE' is no referential action",
    ),
}


@pytest.fixture
def project(workplace: Path, engine: Engine) -> TemplateProject:
    """A project whose posts have a column with values that are no users."""
    project = TemplateProject(workplace, "generic")
    project.connect_to(written(engine.url))
    project.declare(MODELS.format(ondelete=None))
    execute(engine, *TABLES, "ALTER TABLE users ADD code int", "ALTER TABLE posts ADD orphaned int DEFAULT 99")
    return project


def alembic(project: TemplateProject, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *arguments], cwd=project.path, capture_output=True, text=True, check=False
    )


def state(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        posts = connection.exec_driver_sql("SELECT id, user_id, orphaned FROM posts ORDER BY id")
        return [*catalogue(connection), *(tuple(row) for row in posts)]


def assert_refused(answer: subprocess.CompletedProcess[str], message: str) -> None:
    said = answer.stdout + answer.stderr
    assert answer.returncode not in {0, None}
    assert "Traceback" not in said
    assert message in said
    assert "FAILED: " in said


@pytest.mark.parametrize(("operation", "message"), REFUSED_OPERATIONS.values(), ids=REFUSED_OPERATIONS)
def test_an_operation_that_is_refused_says_so_and_leaves_nothing_behind(
    project: TemplateProject, engine: Engine, operation: str, message: str
) -> None:
    """What the revision had done before is undone with it."""
    (project.path / "migrations" / "versions" / "1.py").write_text(REVISION.format(operation=operation))
    before = state(engine)
    assert_refused(alembic(project, "upgrade", "head"), message)
    assert state(engine) == before


def test_a_setting_that_can_not_be_is_said_by_its_field(project: TemplateProject, engine: Engine) -> None:
    """The line in env.py is Python, and its errors are Alembic's to print."""
    project.edit("migrations/env.py", "CascadeConfig()", "CascadeConfig(optional_tables='legacy')")
    before = state(engine)
    assert_refused(alembic(project, "check"), "optional_tables: must be a list")
    assert state(engine) == before


def test_a_repoint_that_can_not_be_translated_is_refused_by_autogenerate(
    project: TemplateProject, engine: Engine
) -> None:
    """No revision is written, and the text says what to do."""
    models = MODELS.format(ondelete=None).replace('ForeignKey("users.id"', 'ForeignKey("users.code"')
    users = 'Column("id", Integer, primary_key=True)'
    project.declare(models.replace(users, f'{users}, Column("code", Integer)', 1))
    before = state(engine)
    assert_refused(alembic(project, "revision", "--autogenerate", "-m", "x"), "users.code is not unique in the models")
    assert [row for row in state(engine) if "alembic_version" not in row] == before
    assert not list((project.path / "migrations" / "versions").glob("*.py"))


def test_sqlite_outside_of_a_batch_is_refused_with_the_way_to_do_it(workplace: Path) -> None:
    """Alembic's own operation ends in a NotImplementedError with a traceback there."""
    project = TemplateProject(workplace, "generic")
    project.connect_to("sqlite:///blog.db")
    operation = "op.alter_foreign_key('x', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE')"
    (project.path / "migrations" / "versions" / "1.py").write_text(REVISION.format(operation=operation))
    project.declare(MODELS.format(ondelete=None))
    assert_refused(alembic(project, "upgrade", "head"), "outside of a batch can't be done on sqlite")


def test_the_log_of_a_change_is_shown_by_a_default_alembic_ini(project: TemplateProject) -> None:
    """The default configuration shows what the logger ``alembic`` and its children say."""
    project.declare(MODELS.format(ondelete="CASCADE"))
    assert alembic(project, "revision", "--autogenerate", "-m", "x").returncode == 0
    answer = alembic(project, "upgrade", "head")
    assert re.search(
        r"^INFO .*\[alembic\.cascade\] posts\.user_id -> users\.id: NO ACTION -> CASCADE, \d+\.\d\d s$",
        answer.stderr,
        re.MULTILINE,
    )
