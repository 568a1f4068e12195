"""A project whose env.py does not name the plugin: its old revisions run all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from template_project import MODELS, TABLES, TemplateProject, execute, rules, run_script, written

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

REVISION = """\
from alembic import op

revision = "1"
down_revision = None


def upgrade():
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
        ondelete='CASCADE', existing_ondelete=None,
    )


def downgrade():
    op.alter_foreign_key(
        'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
        ondelete=None, existing_ondelete='CASCADE',
    )
"""


@pytest.fixture
def unwired(workplace: Path, engine: Engine) -> TemplateProject:
    """A project that had the plugin once, and has a revision of that time."""
    project = TemplateProject(workplace, "generic", wiring=None)
    project.connect_to(written(engine.url))
    project.declare(MODELS.format(ondelete="CASCADE"))
    (project.path / "migrations" / "versions" / "1_change.py").write_text(REVISION)
    execute(engine, *TABLES)
    return project


def test_operations_in_old_revisions_run(unwired: TemplateProject, engine: Engine) -> None:
    """Alembic loads the entry point wherever the package is installed."""
    unwired.run("upgrade", "head")
    assert rules(engine) == {"posts_user_id_fkey": "c"}
    unwired.run("downgrade", "base")
    assert rules(engine) == {"posts_user_id_fkey": "a"}


def test_operations_in_old_revisions_are_written_into_scripts(
    unwired: TemplateProject, engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text of the revision alone decides, in ``--sql`` too."""
    capsys.readouterr()
    unwired.run("upgrade", "head", "--sql")
    run_script(engine, capsys.readouterr().out)
    assert rules(engine) == {"posts_user_id_fkey": "c"}


def test_autogenerate_is_alembics_own(unwired: TemplateProject, engine: Engine) -> None:
    """Whoever takes the line out of env.py gets what Alembic does without us, the nameless key included."""
    unwired.run("upgrade", "head")
    unwired.declare(MODELS.format(ondelete="SET NULL"))
    with pytest.warns(UserWarning, match="unnamed constraint"):
        revision = unwired.autogenerate()
    assert "alter_foreign_key" not in revision
    assert "op.create_foreign_key(None, 'posts', 'users', ['user_id'], ['id'], ondelete='SET NULL')" in revision
