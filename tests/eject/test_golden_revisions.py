"""The golden revisions, ejected: up, down and up they do what they did, where the plugin can't be imported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TYPE_CHECKING

import pytest
from golden.replay import prepared, state
from golden.test_golden import CASES
from psql import run_script

from alembic_cascade.eject.files import plan, write
from eject.plain import PlainProject

if TYPE_CHECKING:
    from pathlib import Path

    from project import Project

DRIVERS = ("psycopg", "psycopg2", "asyncpg", "psql")
EVERYWHERE = ("psycopg", "psql")


def test_the_plugin_can_not_be_imported(tmp_path: Path, project: Project) -> None:
    """A revision that is not ejected fails there."""
    plain = PlainProject(tmp_path / "plain", project.url)
    (plain.versions / "r.py").write_text(
        "from alembic import op\nrevision = 'r'\ndown_revision = None\ndef upgrade():\n    op.clean_orphans()\n"
    )
    with pytest.raises(AssertionError, match=r"module 'alembic\.op' has no attribute 'clean_orphans'"):
        plain.alembic("upgrade", "head")


@pytest.mark.parametrize(
    ("case", "driver"),
    # What drivers make of a statement, they make of that of any revision.
    [(case, driver) for case in CASES for driver in DRIVERS if driver in EVERYWHERE or case.name == "concurrently"],
    ids=lambda given: given if isinstance(given, str) else given.name,
)
def test_it_does_the_same(tmp_path: Path, project: Project, case: Path, driver: str) -> None:
    """To the letter of every row, in every direction, and with nothing left to eject."""
    prepared(project, case)
    url = project.url if driver == "psql" else project.url.set(drivername=f"postgresql+{driver}")
    plain = PlainProject(tmp_path / "plain", url)
    revision = plain.versions / "revision.py"
    revision.write_text((case / "revision.py").read_text())
    found = plan([revision], None)
    assert found.refusals == ()
    write(found.changes)
    assert plan([revision], None).changes == ()
    before, after = state(project), (case / "after.txt").read_text()
    for step in ("up", "down", "up"):
        arguments = ("upgrade", "head") if step == "up" else ("downgrade", "base")
        if driver == "psql":
            direction = arguments if step == "up" else ("downgrade", "head:base")
            script = plain.alembic(*direction, "--sql")
            run_script(
                project.url,
                script.replace("CREATE TABLE alembic_version", "CREATE TABLE IF NOT EXISTS alembic_version"),
            )
        else:
            plain.alembic(*arguments)
        assert state(project) == (after if step == "up" else before), step


def test_two_upgrades_at_once(tmp_path: Path, project: Project) -> None:
    """The second waits for its turn, finds nothing left to do, and ends with an error about the version: no damage."""
    case = next(case for case in CASES if case.name == "concurrently")
    prepared(project, case)
    plain = PlainProject(tmp_path / "plain", project.url)
    first = "revision = 'first'\ndown_revision = None\ndef upgrade():\n    pass\ndef downgrade():\n    pass\n"
    (plain.versions / "first.py").write_text(first)
    revision = plain.versions / "revision.py"
    revision.write_text((case / "revision.py").read_text().replace("down_revision = None", "down_revision = 'first'"))
    write(plan([revision], None).changes)
    plain.alembic("upgrade", "first")
    with ThreadPoolExecutor() as threads:
        runs = [threads.submit(plain.alembic, "upgrade", "head") for _ in range(2)]
    failures = [str(run.exception()) for run in runs if run.exception() is not None]
    assert len(failures) <= 1
    assert [one for one in failures if "expected to match one row" not in one] == []
    assert project.fetch("SELECT version_num FROM alembic_version") == [("golden_concurrently",)]
    assert state(project) == (case / "after.txt").read_text()


def test_an_upgrade_that_was_interrupted(tmp_path: Path, project: Project) -> None:
    """What was done stays, and the next run goes on from there."""
    case = next(case for case in CASES if case.name == "concurrently")
    prepared(project, case)
    plain = PlainProject(tmp_path / "plain", project.url)
    revision = plain.versions / "revision.py"
    revision.write_text((case / "revision.py").read_text())
    write(plan([revision], None).changes)
    before = state(project)
    with project.engine.connect() as blocking, ThreadPoolExecutor() as threads:
        # In nobody's way but of who drops the key of marks.
        blocking.exec_driver_sql("LOCK TABLE marks IN ROW SHARE MODE")
        run = threads.submit(plain.alembic, "upgrade", "head")
        while not project.fetch("SELECT 1 FROM pg_constraint WHERE conname = 'posts_editor_id_fkey' AND convalidated"):
            assert not run.done(), run.exception()
            sleep(0.2)
        ended = project.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND query LIKE 'CALL pg_temp.cascade_repeat(%'"
        )
        assert ended == [(True,)]
        assert run.exception() is not None
    assert state(project) not in {before, (case / "after.txt").read_text()}
    plain.alembic("upgrade", "head")
    assert state(project) == (case / "after.txt").read_text()
