"""The guides that have a project of their own: what they show is put together, and run as a reader would."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from template_project import TemplateProject, rules, written
from test_docs import code_blocks

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

PAGES = ("howto/sqlmodel-async.rst", "howto/flask-migrate.rst")
SHOWN = {block.caption: block.text for page in PAGES for block in code_blocks(page) if block.caption}


def run(folder: Path, *command: str, url: str = "") -> str:
    """Run a module in a process of its own, and say what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "DATABASE_URL": url, "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_models_of_sqlmodel_over_an_asynchronous_engine(workplace: Path, engine: Engine) -> None:
    """The models, the template's import and the function of env.py are those of the page."""
    project = TemplateProject(workplace, "async", wiring=None)
    project.connect_to(written(engine.url, "asyncpg"))
    (workplace / "models.py").write_text(f"{SHOWN['models.py']}\n\ntarget_metadata = SQLModel.metadata\n")
    imports = ("import sqlalchemy as sa\n", "from alembic import context\n")
    project.edit("migrations/script.py.mako", imports[0], imports[0] + SHOWN["migrations/script.py.mako"])
    names = "from alembic_cascade import CascadeConfig, configure_options\n"
    project.edit("migrations/env.py", imports[1], imports[1] + names)
    env = workplace / "migrations" / "env.py"
    before, _, rest = env.read_text().partition("def do_run_migrations")
    _, _, after = rest.partition("\n\nasync def")
    env.write_text(f"{before}{SHOWN['migrations/env.py: do_run_migrations']}\n\nasync def{after}")
    run(workplace, "alembic", "revision", "--autogenerate", "-m", "first")
    run(workplace, "alembic", "upgrade", "head")
    assert rules(engine) == {"posts_user_id_fkey": "c"}
    run(workplace, "alembic", "check")
    assert run(workplace, "alembic_cascade.cli", "audit", "--fail-on", "info") == "nothing found\n"


def test_an_application_of_flask_migrate(tmp_path: Path, engine: Engine) -> None:
    """By Flask's commands with env.py untouched, then by ours with the lines that the page adds."""
    (tmp_path / "app.py").write_text(SHOWN["app.py"])
    url = engine.url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    for command in (["init"], ["migrate", "-m", "keys"], ["upgrade"]):
        run(tmp_path, "flask", "db", *command, url=url)
    assert rules(engine) == {"posts_user_id_fkey": "c"}
    env, ini = (tmp_path / "migrations" / name for name in ("env.py", "alembic.ini"))
    env.write_text(f"{SHOWN['migrations/env.py, at the top']}\n{env.read_text()}")
    ini.write_text(ini.read_text().replace("[alembic]\n", SHOWN["migrations/alembic.ini"], 1))
    run(tmp_path, "flask", "db", "check", url=url)
    checked = run(tmp_path, "alembic_cascade.cli", "-c", "migrations/alembic.ini", "doctor", url=url)
    assert "nothing to do" in checked
    plugin = ("-p", "no:cacheprovider", "--alembic-cascade", "--alembic-cascade-config", "migrations/alembic.ini")
    collected = run(tmp_path, "pytest", "-q", "--collect-only", *plugin, url=url)
    assert "migrations/alembic.ini::test_cascade[posts.user_id->users.id]" in collected
