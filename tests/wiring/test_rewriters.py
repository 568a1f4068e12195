"""A project's own ``process_revision_directives`` beside this plugin: Rewriters and functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate.rewriter import Rewriter
from alembic.operations import ops
from blog import CASCADE_ADDED, CASCADE_REMOVED, blog
from scenario import run_up_down_up
from template_project import rules

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from project import Project


@pytest.fixture
def drifted(project: Project) -> Project:
    """The models want ON DELETE CASCADE of a key that has no rule."""
    project.create(blog(None))
    project.metadata = blog("CASCADE")
    return project


def rewrite(project: Project, hook: Rewriter | Callable[..., None]) -> None:
    project.options = configure_options(CascadeConfig(), process_revision_directives=hook)


def test_a_rewriter_that_sets_a_childs_rule_decides_what_is_written(drifted: Project) -> None:
    """A house rule, such as RESTRICT everywhere, is written for Alembic's ordinary operations."""
    rewriter = Rewriter()

    @rewriter.rewrites(ops.CreateForeignKeyOp)
    def restrict(context: Any, revision: Any, op: ops.CreateForeignKeyOp) -> ops.CreateForeignKeyOp:
        if op.kw.get("ondelete") == "CASCADE":
            op.kw["ondelete"] = "RESTRICT"
        return op

    rewrite(drifted, rewriter)
    text = drifted.revision().upgrade
    assert text.startswith(
        "# posts.user_id -> users.id: orphans stop the migration, as ON DELETE RESTRICT would stop a delete\n"
        "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='fail', revision=revision)\n"
    )
    assert text.endswith(CASCADE_ADDED[CASCADE_ADDED.index("op.alter") :].replace("CASCADE", "RESTRICT"))
    drifted.upgrade()
    assert rules(drifted.engine) == {"posts_user_id_fkey": "r"}
    drifted.downgrade()
    assert rules(drifted.engine) == {"posts_user_id_fkey": "a"}


def test_a_rewriter_that_replaces_a_child_decides_what_is_written(drifted: Project) -> None:
    """The operation in place of ours is Alembic's own, with another name for the key."""
    rewriter = Rewriter()

    @rewriter.rewrites(ops.CreateForeignKeyOp)
    def renamed(context: Any, revision: Any, op: ops.CreateForeignKeyOp) -> ops.CreateForeignKeyOp:
        return ops.CreateForeignKeyOp(
            "posts_author", op.source_table, op.referent_table, op.local_cols, op.remote_cols, **op.kw
        )

    rewrite(drifted, rewriter)
    text = drifted.revision().upgrade
    assert "'posts_author', 'posts', 'users', ['user_id'], ['id']" in text
    assert "existing_constraint_name='posts_user_id_fkey'" in text
    drifted.upgrade()
    assert rules(drifted.engine) == {"posts_author": "c"}


def test_children_that_are_no_drop_and_create_any_more_are_written_one_by_one(drifted: Project) -> None:
    """A statement put between the two has to stand between them in the revision."""
    rewriter = Rewriter()

    @rewriter.rewrites(ops.CreateForeignKeyOp)
    def after_a_statement(context: Any, revision: Any, op: ops.CreateForeignKeyOp) -> list[ops.MigrateOperation]:
        return [ops.ExecuteSQLOp("DELETE FROM posts WHERE user_id < 0"), op]

    rewrite(drifted, rewriter)
    assert drifted.revision().upgrade == (
        CASCADE_ADDED[: CASCADE_ADDED.index("op.alter")]
        + "op.drop_constraint(op.f('posts_user_id_fkey'), 'posts', type_='foreignkey')\n"
        "op.execute('DELETE FROM posts WHERE user_id < 0')\n"
        "op.create_foreign_key("
        "op.f('posts_user_id_fkey'), 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE')\n"
    )
    run_up_down_up(drifted)


def test_a_child_that_a_rewriter_takes_away_is_not_written(drifted: Project) -> None:
    """A project may never want a key to be dropped by a migration."""
    rewriter = Rewriter()

    @rewriter.rewrites(ops.DropConstraintOp)
    def keep(context: Any, revision: Any, op: ops.DropConstraintOp) -> list[ops.MigrateOperation]:
        return []

    rewrite(drifted, rewriter)
    text = drifted.revision().upgrade
    assert "op.create_foreign_key(" in text
    assert "drop" not in text
    assert "alter_foreign_key" not in text


def test_a_function_sees_a_drop_and_a_create(drifted: Project) -> None:
    """What it sees is what ``alembic check`` speaks of: a drop and a create."""
    seen: list[str] = []

    def look(context: Any, revision: Any, directives: list[Any]) -> None:
        seen.extend(difference[0] for difference in directives[0].upgrade_ops.as_diffs())

    rewrite(drifted, look)
    revision = drifted.revision()
    assert seen == ["remove_fk", "add_fk"]
    assert (revision.upgrade, revision.downgrade) == (CASCADE_ADDED, CASCADE_REMOVED)


@pytest.mark.parametrize("drift", [True, False])
def test_a_function_that_empties_the_directives_stops_empty_revisions_only(drifted: Project, drift: bool) -> None:
    """Alembic's cookbook, "Don't Generate Empty Migrations with Autogenerate"."""
    if not drift:
        drifted.metadata = blog(None)

    def no_empty_revision(context: Any, revision: Any, directives: list[Any]) -> None:
        if directives[0].upgrade_ops.is_empty():
            directives[:] = []

    rewrite(drifted, no_empty_revision)
    command.revision(drifted.config, "change", autogenerate=True)
    assert len(list((drifted.path / "versions").glob("*.py"))) == (1 if drift else 0)
