"""``quarantine``: where it is made, who reads it, what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alembic_cascade import CascadeConfig
from doctor.looks import look, told

if TYPE_CHECKING:
    from project import Project

CLEAN = "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)"


@pytest.fixture
def kept(project: Project) -> Project:
    """Two rows that the revision r1 set aside."""
    project.execute(
        "CREATE TABLE users (id int PRIMARY KEY)", "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
        "INSERT INTO posts VALUES (1, 7), (2, 8)",
    )  # fmt: skip
    project.options = {"target_metadata": None}
    project.write_revision(CLEAN.replace("strategy", "max_orphans=None, strategy"))
    project.upgrade()
    return project


def test_empty(project: Project) -> None:
    """Nothing is made before it is needed."""
    assert told(look(project, "quarantine")) == [("ok", "empty", "")]
    assert project.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'alembic_cascade'") == []


def test_what_it_holds(kept: Project) -> None:
    """How much, and since when."""
    ((verdict, said, _),) = told(look(kept, "quarantine", revisions=["r1"]))
    today = kept.fetch("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')")[0][0]
    assert (verdict, said) == ("ok", f"2 rows in 1 table, the first of {today}, for the eyes of their owner alone")


def test_rows_of_a_revision_that_is_gone(kept: Project) -> None:
    """Nobody will put them back by a downgrade."""
    ((verdict, said, advice),) = told(look(kept, "quarantine", revisions=["r2"]))
    assert verdict == "to do"
    assert said == "2 rows were set aside by revisions that the project's scripts don't have: r1"
    assert "quarantine purge --unknown" in advice


def test_rows_that_orphans_fix_took(kept: Project) -> None:
    """They are filed under its time, which no script has: --unknown leaves them, and so there is nothing to do."""
    taken = '{"alembic_cascade": "quarantine", "revision": "fix-20261128-091500", "schema": "public", "table": "posts"}'
    kept.execute(f"COMMENT ON TABLE alembic_cascade.r1_public_posts IS '{taken}'")
    ((verdict, said, _),) = told(look(kept, "quarantine", revisions=["r1"]))
    assert (verdict, said.partition(",")[0]) == ("ok", "2 rows in 1 table")


def test_readers(kept: Project, role: str) -> None:
    """A GRANT on all tables is easily too much; what is advised takes it back."""
    kept.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA alembic_cascade TO "{role}", PUBLIC')
    found = told(look(kept, "quarantine", revisions=["r1"]))
    assert [one[1] for one in found] == [
        f'"{role}" has rights on alembic_cascade.r1_public_posts, which hold rows that were set aside',
        "PUBLIC has rights on alembic_cascade.r1_public_posts, which hold rows that were set aside",
    ]
    kept.execute(*(advice for _, _, advice in found))
    assert [one[0] for one in told(look(kept, "quarantine", revisions=["r1"]))] == ["ok"]


def test_it_can_not_be_made(project: Project, role: str) -> None:
    """The schema can be made, or is there and can be written to, or it is said."""
    database = project.url.database
    project.execute(f'REVOKE CREATE ON DATABASE "{database}" FROM "{role}"')
    ((verdict, said, advice),) = told(look(project, "quarantine", role=role))
    assert (verdict, said) == ("to do", f"{role} can't make the schema alembic_cascade, in which orphans are set aside")
    assert f'CREATE SCHEMA alembic_cascade AUTHORIZATION "{role}";' in advice
    project.execute("CREATE SCHEMA alembic_cascade")
    ((verdict, said, advice),) = told(look(project, "quarantine", role=role))
    assert said == f"{role} can't make tables in the schema alembic_cascade, in which orphans are set aside"
    project.execute(advice)
    assert told(look(project, "quarantine", role=role)) == [("ok", "empty", "")]
    beside = CascadeConfig(quarantine_schema=None)
    assert told(look(project, "quarantine", role=role, config=beside)) == [("ok", "empty", "")]


def test_rows_of_somebody_else(kept: Project, role: str) -> None:
    """What can't be looked at is not said to be well."""
    ((verdict, said, _),) = told(look(kept, "quarantine", role=role, revisions=["r1"]))
    assert verdict == "to do"
    assert said == "it could not be looked at: permission denied for schema alembic_cascade"
