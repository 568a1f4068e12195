"""Flask-Migrate, whose env.py passes on what ``Migrate`` was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import flask_migrate
import pytest
from blog import CASCADE_ADDED, CASCADE_REMOVED
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Integer
from template_project import TABLES, execute, rules

from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

# Flask-Migrate's env.py asks the older Flask-SQLAlchemy's way first.
pytestmark = pytest.mark.filterwarnings("ignore:'get_engine' is deprecated:DeprecationWarning")


def application(engine: Engine) -> Flask:
    """An application as its author writes it."""
    app = Flask("blog")
    app.config["SQLALCHEMY_DATABASE_URI"] = engine.url
    db = SQLAlchemy(app)
    flask_migrate.Migrate(app, db, **configure_options(CascadeConfig()))
    db.Table("users", Column("id", Integer, primary_key=True))
    db.Table(
        "posts",
        Column("id", Integer, primary_key=True),
        Column("user_id", ForeignKey("users.id", ondelete="CASCADE")),
    )
    return app


@pytest.fixture
def run(workplace: Path, engine: Engine) -> Callable[..., None]:
    """Run a command of ``flask db``, each in an application of its own, on a drifted database."""

    def command(name: str, **arguments: Any) -> None:
        app = application(engine)
        with app.app_context():
            getattr(flask_migrate, name)(**arguments)
            app.extensions["migrate"].db.engine.dispose()

    execute(engine, *TABLES)
    command("init")
    return command


def revisions(workplace: Path) -> list[str]:
    return [path.read_text() for path in (workplace / "migrations" / "versions").glob("*.py")]


def indented(body: str) -> str:
    return "".join(f"    {line}\n" for line in body.splitlines())


def test_a_key_is_altered_and_back(run: Callable[..., None], workplace: Path, engine: Engine) -> None:
    """Flask-Migrate renders as batch by default; a key on PostgreSQL needs none."""
    run("migrate", message="change")
    (revision,) = revisions(workplace)
    assert indented(CASCADE_ADDED) in revision
    assert indented(CASCADE_REMOVED) in revision
    run("upgrade")
    assert rules(engine) == {"posts_user_id_fkey": "c"}
    run("check")
    run("downgrade")
    assert rules(engine) == {"posts_user_id_fkey": "a"}


def test_no_revision_is_made_where_nothing_changed(run: Callable[..., None], workplace: Path) -> None:
    """Flask-Migrate installs its hook only where nobody gave another one, and the hook empties the directives."""
    run("migrate", message="change")
    run("upgrade")
    run("migrate", message="nothing")
    assert len(revisions(workplace)) == 1
