"""The index that a key lacks: built before the key, named as the model would, dropped by whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import add_table, models, number
from orphans.settling import state
from project import cascade_log
from psql import run_script
from scenario import run_scenario, run_up_down_up
from sqlalchemy import Column, ForeignKey, Integer, MetaData

from alembic_cascade import CascadeConfig, configure_options
from concurrently.indexed_posts import ADD, DROP, INDEXES, MADE, by_hand, indexing, posts

if TYPE_CHECKING:
    from project import Project


def test_a_missing_index_is_built_first_and_dropped_last(project: Project) -> None:
    """The look for orphans, and a parent's delete, find their rows by it."""
    indexing(project)
    run_scenario(
        project, before=None, after=posts(), tables=["posts"],
        upgrade=f"""\
op.begin_concurrently(revision)
with op.get_context().autocommit_block():
    {ADD}
    # posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
    op.clean_orphans(
        'posts', 'users', ['user_id'], ['id'],
        strategy='quarantine', revision=revision, check_only=True, concurrently=True,
    )
    op.add_foreign_key(
        'made', 'posts', 'users', ['user_id'], ['id'],
        ondelete='CASCADE', not_valid=True, concurrently=True,
    )
    op.clean_orphans(
        'posts', 'users', ['user_id'], ['id'],
        strategy='quarantine', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'made', 'posts', 'users', ['user_id'], ['id'],
        ondelete='CASCADE', not_valid=False, existing_not_valid=True, concurrently=True,
    )
""",
        downgrade=f"""\
op.begin_concurrently(down_revision)
with op.get_context().autocommit_block():
    op.drop_foreign_key('made', 'posts', 'users', ['user_id'], ['id'], concurrently=True)
    op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision, concurrently=True)
    {DROP}
""",
    )  # fmt: skip
    assert project.fetch(INDEXES) == MADE


CONVENTIONS = {
    "none": None,
    "one for indexes": {"ix": "idx_%(table_name)s_%(column_0_N_name)s"},
    "an older one": {"ix": "%(column_0_label)s_index"},
}


@pytest.mark.parametrize("convention", CONVENTIONS.values(), ids=CONVENTIONS)
def test_it_has_the_name_that_the_model_would_give(project: Project, convention: dict[str, str] | None) -> None:
    """So that the model can declare it afterwards, or not: either way nothing differs."""
    indexing(project).metadata = posts(convention=convention)
    declaring = posts(convention=convention, index=True)
    (declared,) = declaring.tables["posts"].indexes
    project.revision()
    run_up_down_up(project)
    assert project.fetch(INDEXES) == [(str(declared.name), True)]
    project.check()
    project.metadata = declaring
    project.check()
    assert project.revision().upgrade == "pass\n"


def test_a_convention_that_has_none_for_indexes_leaves_the_usual_name(project: Project) -> None:
    """There, ``index=True`` would be refused by SQLAlchemy."""
    indexing(project).metadata = posts(convention={"fk": "fk_%(table_name)s"})
    project.revision()
    run_up_down_up(project)
    assert project.fetch(INDEXES) == MADE


def test_a_name_that_is_too_long_is_cut_as_the_model_cuts_it(project: Project) -> None:
    """SQLAlchemy does not leave that to PostgreSQL."""
    table, column = "t" * 40, "c" * 40

    def long(*items: Any, **options: Any) -> MetaData:
        metadata = models(users=[])
        add_table(metadata, table, Column(column, Integer, *items, **options))
        return metadata

    project.options |= configure_options(CascadeConfig(concurrently=True, index_foreign_keys=True))
    project.create(long())
    project.metadata = long(ForeignKey("users.id"))
    project.revision()
    run_up_down_up(project)
    project.metadata = long(ForeignKey("users.id"), index=True)
    project.check()


def test_an_index_of_another_schema(project: Project) -> None:
    """And of a table that a deployment may lack."""
    indexing(project, "CREATE SCHEMA app", "CREATE TABLE app.posts AS TABLE posts")
    by_hand(
        project,
        ADD.replace("revision=revision", "source_schema='app', revision=revision"),
        DROP.replace("revision=revision", "source_schema='app', revision=revision"),
    )
    made = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'app'"
    project.upgrade()
    assert project.fetch(made) == [("CREATE INDEX ix_posts_user_id ON app.posts USING btree (user_id)",)]
    project.downgrade("base")
    assert project.fetch(made) == []


@pytest.mark.parametrize(
    "left", [models(users=[]), models(users=[], posts=[number("length")])], ids=["table", "column"]
)
def test_what_goes_with_its_table_or_column_comes_back_with_it(project: Project, left: MetaData) -> None:
    """A later revision takes them away, and its way down gives back the same schema."""
    indexing(project).revision()
    project.upgrade()
    with_index = state(project)
    project.metadata = left
    project.revision()
    project.upgrade()
    project.check()
    project.downgrade()
    assert state(project).schema == with_index.schema


def test_an_absent_table_is_skipped(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """With a log line, both ways, and in a script."""
    caplog.set_level("INFO", "alembic.cascade")
    project.options |= configure_options(CascadeConfig(concurrently=True))
    by_hand(
        project,
        ADD.replace(", revision", ", if_exists=True, revision"),
        DROP.replace(", revision", ", if_exists=True, revision"),
    )
    project.upgrade()
    project.downgrade("base")
    assert cascade_log(caplog.records).count("posts.user_id: skipped, the table posts does not exist") == 2
    project.execute("DROP TABLE alembic_version")
    said = run_script(project.url, project.upgrade_script())
    assert "posts.user_id: skipped, the table posts does not exist" in said
    run_script(project.url, project.downgrade_script("head:base"))


def test_a_script_builds_and_drops_it_as_well(project: Project) -> None:
    """Psql runs each statement for itself."""
    indexing(project).revision(rev_id="r1")
    start = state(project)
    run_script(project.url, project.upgrade_script())
    assert project.fetch(INDEXES) == MADE
    project.check()
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == start
