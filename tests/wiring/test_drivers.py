"""Every PostgreSQL driver, sync and async: names with its special characters, and what its errors say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from template_project import DRIVERS, TemplateProject, execute, rules, written

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

MODELS = """\
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

target_metadata = MetaData()
Table("us%ers", target_metadata, Column("i:d", Integer, primary_key=True), Column("code", Integer, unique=True))
Table(
    "po%sts:all",
    target_metadata,
    Column("id", Integer, primary_key=True),
    Column("us%(er)s", ForeignKey("us%ers.i:d", ondelete="CASCADE", name="au%thor:key")),
    Column("coauthor", Integer),
)
"""

TABLES = (
    'CREATE TABLE "us%%ers" ("i:d" serial PRIMARY KEY, code int UNIQUE)',
    """CREATE TABLE "po%%sts:all" (
        id serial PRIMARY KEY, coauthor int, "us%%(er)s" int CONSTRAINT "au%%thor:key" REFERENCES "us%%ers"
    )""",
    'INSERT INTO "us%%ers" VALUES (1, NULL)',
    'INSERT INTO "po%%sts:all" VALUES (1, 99, 1)',
)

REVISION = """\
from alembic import op

revision = "1"
down_revision = None


def upgrade():
    {operation}


def downgrade():
    pass
"""

REFUSED = {
    "OrphansRemain": (
        "op.add_foreign_key('second', 'po%sts:all', 'us%ers', ['coauthor'], ['i:d'])",
        'Key (coauthor)=(99) is not present in table "us%ers".',
    ),
    "ReferencesNotTranslatable without a parent": (
        "op.translate_references('po%sts:all', 'us%ers', ['coauthor'], from_cols=['i:d'], to_cols=['code'])",
        "1 rows of po%sts:all have no parent by us%ers.i:d. Settle these rows, then run the migration again.",
    ),
}


@pytest.fixture(params=DRIVERS, ids="-".join)
def project(request: pytest.FixtureRequest, workplace: Path, engine: Engine) -> TemplateProject:
    """A project whose tables, columns and key have names that a driver may take for parameters."""
    template, driver = request.param
    project = TemplateProject(workplace, template)
    project.connect_to(written(engine.url, driver))
    project.declare(MODELS)
    execute(engine, *TABLES)
    return project


def test_names_are_never_taken_for_parameters(project: TemplateProject, engine: Engine) -> None:
    """Drivers read %s, %(name)s and :name as parameters, where there is one, or even where there is none."""
    revision = project.autogenerate()
    assert "'au%thor:key', 'po%sts:all', 'us%ers', ['us%(er)s'], ['i:d']," in revision
    project.run("upgrade", "head")
    assert rules(engine) == {"au%thor:key": "c"}
    project.run("check")
    project.run("downgrade", "-1")
    assert rules(engine) == {"au%thor:key": "a"}


@pytest.mark.parametrize(("operation", "message"), REFUSED.values(), ids=REFUSED)
def test_an_error_says_the_same_whatever_the_driver(
    project: TemplateProject, capsys: pytest.CaptureFixture[str], operation: str, message: str
) -> None:
    """Each driver keeps the server's message, detail and hint in a place of its own."""
    (project.path / "migrations" / "versions" / "1.py").write_text(REVISION.format(operation=operation))
    with pytest.raises(SystemExit):
        project.run("upgrade", "head")
    assert message in capsys.readouterr().out
