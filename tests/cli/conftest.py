"""What the tests of the command line share: a project, rows in its quarantine, somebody at the terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from orphaned import Site
from rehearsed import Shop
from sqlalchemy import Engine
from workplace import Workplace, cleaned

from alembic_cascade.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output is as wide as it is where no terminal is; who runs tests side by side says one."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def workplace(own_imports: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> Workplace:
    """An empty project as the working directory."""
    monkeypatch.delenv("ALEMBIC_CONFIG", raising=False)
    return Workplace(own_imports, engine)


@pytest.fixture
def blog(workplace: Workplace) -> Workplace:
    """Users, their posts, and comments on these; two posts of a user that is gone are in the quarantine."""
    workplace.execute(
        "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE)",
        "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer, title text)",
        "CREATE TABLE comments (id integer PRIMARY KEY, post_id integer REFERENCES posts ON DELETE CASCADE,"
        " author_id integer)",
        "INSERT INTO users VALUES (1, 'ann@example.org')",
        "INSERT INTO posts VALUES (10, 1, 'Hello'), (20, 5, 'World'), (30, 5, 'Again'), (40, 6, 'Other')",
        "INSERT INTO comments VALUES (100, 10, 1), (200, 20, 1), (300, 20, 5)",
    )
    workplace.migrate(
        "one",
        cleaned(),
    )
    return workplace


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who can be asked."""
    monkeypatch.setattr(output, "can_ask", lambda: True)


@pytest.fixture
def site(own_imports: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> Iterator[Site]:
    """An empty project whose env.py has models, as the working directory."""
    monkeypatch.delenv("ALEMBIC_CONFIG", raising=False)
    yield Site(own_imports, engine)
    sys.modules.pop("app_models", None)


@pytest.fixture
def shop(own_imports: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> Iterator[Shop]:
    """An empty project with models, and nobody connected to its database: it can be copied."""
    monkeypatch.delenv("ALEMBIC_CONFIG", raising=False)
    yield Shop(own_imports, engine)
    models = sys.modules.pop("app_models", None)
    if hasattr(models, "kept_engine"):
        models.kept_engine.dispose()
