"""A change of what a key refers to, stopped after any of its steps: it goes on, or back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from project import Project, catalogue, rows
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

from alembic_cascade import CascadeConfig, configure_options
from concurrently.stopped import stop_at

if TYPE_CHECKING:
    from sqlalchemy import URL

TABLES = ["flows", "teams", "runs"]

# Both ways after each step take a minute; TEST_EXAMPLES, which asks for more of random tests, tries them.
BOTH = "TEST_EXAMPLES" in os.environ


def models(target: str) -> MetaData:
    """Runs that refer to a flow by its number, by its code, or to a team."""
    metadata = MetaData()
    Table("flows", metadata, Column("id", String, primary_key=True), Column("code", String, unique=True))
    Table("teams", metadata, Column("id", String, primary_key=True))
    Table(
        "runs",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("flow", String, ForeignKey(target, ondelete="CASCADE")),
    )
    return metadata


def prepared(path: Path, url: URL, target: str) -> Project:
    """A database in which runs refer to ``flows.id``, and the revision that changes it; batches are small."""
    project = Project(path, url)
    project.options = configure_options(CascadeConfig(concurrently=True, max_orphans=None))
    project.execute(
        "DROP SCHEMA public CASCADE", "DROP SCHEMA IF EXISTS alembic_cascade CASCADE", "CREATE SCHEMA public"
    )
    project.create(models("flows.id"))
    project.execute(
        "INSERT INTO flows SELECT 'f' || g, 'code-' || g FROM generate_series(1, 20) g",
        "INSERT INTO flows VALUES ('f0', NULL)",
        "INSERT INTO teams SELECT 'f' || g FROM generate_series(1, 15) g",
        "INSERT INTO runs SELECT g, 'f' || g % 21 FROM generate_series(1, 60) g",
    )
    project.metadata = models(target)
    project.revision()
    (revision,) = (path / "versions").glob("*.py")
    small = revision.read_text().replace("concurrently=True,\n", "concurrently=True, batch_size=40,\n")
    revision.write_text("\n".join(_with_batches(small.splitlines())))
    return project


def _with_batches(lines: list[str]) -> list[str]:
    """Only what settles and what translates has batches."""
    call = ""
    written = []
    for line in lines:
        call = line if line.strip().startswith("op.") else call
        settles = "clean_orphans" in call or "translate" in line
        written.append(line if settles else line.replace(", batch_size=40", ""))
    return written


def state(project: Project) -> tuple[Any, ...]:
    """Schema and rows."""
    with project.engine.connect() as connection:
        return catalogue(connection), dict(rows(connection, TABLES))


@pytest.mark.parametrize("target", ["flows.code", "teams.id"])
def test_a_stopped_change_goes_on_or_back(tmp_path: Path, url: URL, target: str) -> None:
    """After each step, in turns: the same command ends as if nothing had been, a downgrade gives back all that was."""
    project = prepared(tmp_path / "whole", url, target)
    start = state(project)
    project.upgrade()
    end = state(project)
    project.downgrade("base")
    assert state(project) == start
    for number in range(100):
        for goes_on in (True, False) if BOTH else (number % 2 == 0,):
            project = prepared(tmp_path / f"{number}_{goes_on}", url, target)
            if not stop_at(project, project.upgrade, number):
                assert number > 7
                return
            if goes_on:
                project.upgrade()
                assert without_quarantine(state(project)) == without_quarantine(end)
                project.check()
            else:
                command.stamp(project.config, "head")
            project.downgrade("base")
            assert state(project) == start
    raise AssertionError("it has no end")


def test_a_name_that_this_deployment_gave_the_key_is_no_hindrance(tmp_path: Path, url: URL) -> None:
    """On the way back it is found, though nothing but the name beside it is known."""
    project = prepared(tmp_path / "project", url, "teams.id")
    project.execute("ALTER TABLE runs RENAME CONSTRAINT runs_flow_fkey TO by_hand")
    start = state(project)
    for number in (1, 2, 4):
        assert stop_at(project, project.upgrade, number)
        command.stamp(project.config, "head")
        project.downgrade("base")
        assert state(project) == start


def without_quarantine(found: tuple[Any, ...]) -> tuple[Any, ...]:
    """A quarantine table is called after its revision."""
    schema, data = found
    return [entry for entry in schema if entry[1] != "alembic_cascade"], data
