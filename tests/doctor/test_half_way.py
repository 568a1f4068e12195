"""``indexes`` and ``stopped-revisions``: what was begun and never ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from concurrently.stopped import stop_at
from concurrently.test_half_done import prepared
from models import models, reference
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from alembic_cascade.concurrently.turn import key_of_turn
from alembic_cascade.foreign_keys import TableName
from doctor.looks import look, told

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project
    from sqlalchemy import URL

NOTHING = [("ok", "none has left anything", "")]


def test_an_index_that_is_invalid(project: Project) -> None:
    """As a build leaves it that met a duplicate."""
    project.execute('CREATE TABLE "U sers" (id int)', 'INSERT INTO "U sers" VALUES (1), (1)')
    assert told(look(project, "indexes")) == [("ok", "none is invalid", "")]
    with project.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        with pytest.raises(IntegrityError):
            connection.execute(text('CREATE UNIQUE INDEX CONCURRENTLY "O nce" ON "U sers" (id)'))
        ((verdict, said, advice),) = told(look(project, "indexes"))
        assert (verdict, said) == ("to do", "O nce on U sers is invalid: no query uses it, each writer keeps it")
        assert advice == 'REINDEX INDEX CONCURRENTLY "O nce"; or DROP INDEX CONCURRENTLY "O nce";'
        connection.execute(text(advice.partition("; or ")[2]))
    assert told(look(project, "indexes")) == [("ok", "none is invalid", "")]


def test_an_index_of_a_partitioned_table(project: Project) -> None:
    """It is invalid as long as a partition has none that belongs to it."""
    project.execute(
        "CREATE TABLE logs (id int) PARTITION BY LIST (id)", "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1)",
        "CREATE INDEX logs_id ON ONLY logs (id)",
    )  # fmt: skip
    ((verdict, _, advice),) = told(look(project, "indexes"))
    assert verdict == "to do"
    assert "ALTER INDEX logs_id ATTACH PARTITION" in advice


def test_a_revision_that_was_stopped(tmp_path: Path, url: URL) -> None:
    """Run again, it leaves nothing."""
    project = prepared(tmp_path / "project", url, "flows.code")
    assert told(look(project, "stopped-revisions", metadata=None)) == NOTHING
    assert stop_at(project, project.upgrade, 3)
    ((verdict, said, advice),) = told(look(project, "stopped-revisions", metadata=None))
    assert verdict == "to do"
    assert said.startswith("a concurrent revision was stopped half-way: the trigger alembic_cascade_")
    assert advice == "Run the alembic upgrade, or the downgrade, again: it goes on from where it was."
    project.upgrade()
    assert told(look(project, "stopped-revisions", metadata=None)) == NOTHING


def test_a_key_beside_another_one(project: Project) -> None:
    """Unless a model has one of that name."""
    named = models(users=[], posts=[reference("user_id", "users.id", name="posts_user_beside")])
    project.create(named)
    assert told(look(project, "stopped-revisions", metadata=named)) == NOTHING
    ((_, said, _),) = told(look(project, "stopped-revisions"))
    assert said == "a concurrent revision was stopped half-way: the key posts_user_beside on posts"


def test_an_index_that_was_being_built(project: Project) -> None:
    """It is told once: not as an invalid one as well."""
    project.execute("CREATE TABLE users (id int)", "CREATE INDEX alembic_cascade_building_0123456789ab ON users (id)")
    ((_, said, _),) = told(look(project, "stopped-revisions"))
    assert said.endswith("the index alembic_cascade_building_0123456789ab on users")
    assert told(look(project, "indexes")) == [("ok", "none is invalid", "")]


def test_a_migration_that_runs(project: Project) -> None:
    """What is there by now is its own affair."""
    with project.engine.connect() as connection:
        key = key_of_turn(TableName(None, "alembic_version"))
        connection.execute(text(f"SELECT pg_advisory_lock(hashtextextended({key}, 0))"))
        ((verdict, said, advice),) = told(look(project, "stopped-revisions"))
    assert verdict == "to do"
    assert said.startswith("a migration is running: pid ")
    assert advice == "Wait for its end, then ask again."
