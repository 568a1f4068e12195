"""A project on disk whose Alembic runs in a process that can't import the plugin."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

ENV = """\
import asyncio

from alembic import context
from sqlalchemy import NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine


def migrate(connection):
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def connect():
    async with create_async_engine(url, poolclass=NullPool).connect() as connection:
        await connection.run_sync(migrate)


url = context.config.get_main_option("sqlalchemy.url")
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.run_migrations()
elif "asyncpg" in url:
    asyncio.run(connect())
else:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        migrate(connection)
"""
INI = """\
[alembic]
script_location = %(here)s/migrations
path_separator = os
sqlalchemy.url = {url}
"""
# As it is where the package was never installed: no module of it, and no entry point.
WITHOUT_THE_PLUGIN = """\
import sys
from importlib import metadata

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "alembic_cascade":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
present = metadata.entry_points
metadata.entry_points = lambda **given: () if given.get("group") == "alembic.plugins" else present(**given)

from alembic.config import CommandLine
CommandLine(prog="alembic").main(sys.argv[1:])
assert not [name for name in sys.modules if name.startswith("alembic_cascade")]
"""


@dataclass(frozen=True)
class PlainProject:
    """``alembic`` as a command, without the plugin."""

    path: Path
    url: URL

    def __post_init__(self) -> None:
        self.versions.mkdir(parents=True)
        (self.path / "migrations" / "env.py").write_text(ENV)
        (self.path / "migrations" / "script.py.mako").write_text("")
        self.connect_to(self.url)

    @property
    def versions(self) -> Path:
        return self.path / "migrations" / "versions"

    def connect_to(self, url: URL) -> None:
        address = url.render_as_string(hide_password=False).replace("%", "%%")
        (self.path / "alembic.ini").write_text(INI.format(url=address))

    def alembic(self, *arguments: str) -> str:
        """What a command prints that succeeds."""
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_THE_PLUGIN, "-c", str(self.path / "alembic.ini"), *arguments],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, (done.stderr + done.stdout)[-4000:]
        return done.stdout
