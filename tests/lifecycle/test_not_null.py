"""NOT NULL, and the way back: at once and step by step, from its end and from the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from sqlalchemy import Column, DateTime, event, func

from alembic_cascade import ConfigError, LifecycleColumn
from lifecycle.channels import configured, tables
from lifecycle.whole import whole

if TYPE_CHECKING:
    from project import Project

POLICY = LifecycleColumn(
    "created_at", tables="channels", set_on="insert", nullable=False, backfill="timestamptz '2020-01-01'"
)
NULLABLE = (
    "SELECT is_nullable FROM information_schema.columns WHERE table_name = 'channels' AND column_name = 'created_at'"
)
CHECKS = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = 'channels'::regclass"


def created(*, nullable: bool) -> Column[Any]:
    """The column of the models."""
    return Column("created_at", DateTime(timezone=True), nullable=nullable, server_default=func.now())


def started(project: Project, *, there: bool, declared: bool, concurrently: bool) -> list[str]:
    """Two rows, a column that is there or not, and revisions that make it NOT NULL; returns their identifiers."""
    project.create(tables(*([created(nullable=True)] if there else [])))
    project.execute("INSERT INTO channels (id) VALUES (1)")
    if there:
        project.execute("INSERT INTO channels VALUES (2, 'b', NULL)")
    metadata = tables(created(nullable=False)) if declared else tables()
    configured(project, POLICY, metadata=metadata, concurrently=concurrently)
    return [revision.revision for revision in project.revisions()]


@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_each_step_down_takes_null_again(project: Project, there: bool, declared: bool, concurrently: bool) -> None:
    """A new column goes with its values in the end; one that was there has what it was filled with."""
    revisions = started(project, there=there, declared=declared, concurrently=concurrently)
    start = whole(project, [])
    states = []
    for revision in revisions:
        states.append(whole(project, []))
        project.upgrade(revision)
    assert project.fetch(NULLABLE) == [("NO",)]
    assert project.fetch(CHECKS) == []
    assert project.revision().upgrade == "pass\n"
    upgraded = whole(project, ["channels"])
    for before in reversed(states):
        project.downgrade()
        assert whole(project, [])[:2] == before[:2]
    assert whole(project, []) == start
    project.upgrade(revisions[-1])
    assert whole(project, ["channels"])[:2] == upgraded[:2]


def test_the_last_step_alone_is_taken_back(project: Project) -> None:
    """A column that was made in the revision before takes NULL again, as that revision left it."""
    revisions = started(project, there=False, declared=False, concurrently=True)
    assert len(revisions) == 2
    project.upgrade()
    project.downgrade()
    assert project.fetch(NULLABLE) == [("YES",)]
    project.execute("INSERT INTO channels VALUES (3, 'c', NULL)")
    project.upgrade()
    assert project.fetch(NULLABLE) == [("NO",)]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("done", ["takes no new NULL", "has no NULL"])
def test_what_stopped_half_way_leaves_nothing_on_the_way_down(project: Project, done: str, there: bool) -> None:
    """The CHECK that proves NOT NULL goes."""
    started(project, there=there, declared=False, concurrently=True)
    start = whole(project, [])

    class Stopped(Exception):  # noqa: N818
        pass

    steps: list[str] = []

    def stop(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "cascade_backfill_batch" in statement and statement.startswith("SELECT * FROM pg_temp.cascade_try("):
            checks = project.fetch(f"{CHECKS.replace('conname', 'convalidated')}")
            if checks == [(done == "has no NULL",)]:
                steps.append(statement)
                raise Stopped

    event.listen(project.engine, "before_cursor_execute", stop)
    with pytest.raises(Stopped):
        project.upgrade()
    event.remove(project.engine, "before_cursor_execute", stop)
    ((check,),) = project.fetch(CHECKS)
    assert check.startswith("alembic_cascade_not_null_")
    # As docs/concurrently.rst has it: say that it has run, and downgrade it.
    command.stamp(project.config, "head")
    project.downgrade("base")
    assert project.fetch(NULLABLE) == ([("YES",)] if there else [])
    assert project.fetch(CHECKS) == []
    assert whole(project, []) == start


def test_a_half_done_proof_is_taken_back_by_hand(project: Project) -> None:
    """By the operation that a downgrade has."""
    project.create(tables(created(nullable=True)))
    configured(project, concurrently=True)
    project.write_revision("pass")
    project.upgrade()
    start = whole(project, [])
    ((name,),) = project.fetch("SELECT 'alembic_cascade_not_null_' || left(md5('created_at'), 8)")
    project.execute(f"ALTER TABLE channels ADD CONSTRAINT {name} CHECK (created_at IS NOT NULL) NOT VALID")
    project.write_revision(
        "op.begin_concurrently(revision)\nwith op.get_context().autocommit_block():\n"
        "    op.backfill_lifecycle_column('channels', 'created_at', nullable=True, existing_nullable=False, concurrently=True)"
    )
    project.upgrade()
    assert whole(project, []) == start


def test_a_column_that_is_set_from_a_child_takes_null() -> None:
    """A new parent has no child yet."""
    with pytest.raises(ConfigError, match=r"lifecycle\['at'\]\.nullable: contradicts set_from"):
        LifecycleColumn("at", set_from="messages.sent_at", backfill=True, nullable=False)
