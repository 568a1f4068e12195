"""A project as a user has it on disk, with the command line run on it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent
from typing import Any

from alembic.config import CommandLine
from click.testing import CliRunner, Result
from sqlalchemy import URL, Engine

from alembic_cascade.cli.commands import cascade

# The key of the project's posts, as the quarantine calls it.
KEY = "public.posts(user_id) -> public.users(id)"

INI = """\
[alembic]
script_location = %(here)s/migrations
path_separator = os
sqlalchemy.url = {url}
"""

# Plain Alembic: nothing of ours is named.
ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

engine = engine_from_config(
    context.config.get_section(context.config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""

REVISION = """\
from alembic import op

revision = {revision!r}
down_revision = {parent!r}


def upgrade():
{body}


def downgrade():
    pass
"""


@dataclass
class Workplace:
    """A project, its database, and the commands as a user runs them in its directory."""

    path: Path
    engine: Engine
    revisions: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.path / "migrations" / "versions").mkdir(parents=True)
        self.write_env(ENV)
        self.connect_to(self.engine.url)

    def connect_to(self, url: URL) -> None:
        """Write the database's address into alembic.ini."""
        address = url.render_as_string(hide_password=False).replace("%", "%%")
        (self.path / "alembic.ini").write_text(INI.format(url=address))

    def write_env(self, text: str) -> None:
        (self.path / "migrations" / "env.py").write_text(text)

    def migrate(self, revision: str, *lines: str) -> None:
        """Write a revision that does this, and upgrade to it."""
        parent = self.revisions[-1] if self.revisions else None
        text = REVISION.format(revision=revision, parent=parent, body=indent("\n".join(lines), "    "))
        self.revisions.append(revision)
        (self.path / "migrations" / "versions" / f"{len(self.revisions)}.py").write_text(text)
        CommandLine(prog="alembic").main(["upgrade", "heads"])

    def execute(self, *statements: str) -> None:
        """Run SQL, and commit."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement.replace("%", "%%"))]

    def kept(self) -> list[str]:
        """The names of the tables in the quarantine's own schema."""
        found = self.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'alembic_cascade' ORDER BY 1")
        return [name for (name,) in found]

    def run(self, *arguments: str, answer: str | None = None, columns: int | None = None) -> Result:
        """``alembic-cascade quarantine`` with these arguments."""
        environment = {"COLUMNS": None if columns is None else str(columns)}
        return CliRunner(env=environment).invoke(
            cascade, ["quarantine", *arguments], input=answer, catch_exceptions=False, prog_name="alembic-cascade"
        )

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        """The tables in the JSON of a command that succeeds."""
        result = self.run(*arguments, "--format", "json")
        assert result.exit_code == 0, result.output
        document = json.loads(result.stdout)
        assert document.pop("version") == 1
        assert list(document) == ["tables"]
        return document["tables"]


def cleaned(strategy: str = "quarantine", more: str = "") -> str:
    """The line of a revision that settles the orphans of that key."""
    called = f"'posts', 'users', ['user_id'], ['id'], strategy={strategy!r}, revision=revision{more}"
    return f"op.clean_orphans({called})"


def shown(text: str) -> list[str]:
    """The lines of an output, without times and what is invisible at their ends."""
    timeless = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME", text)
    return [line.rstrip() for line in timeless.splitlines()]
