"""A project on disk whose Alembic runs in a process that can't import the plugin."""

from __future__ import annotations

import atexit
import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

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
# As it is where the package was never installed: no module of it, and no entry point. Each command has a process of its
# own, forked from one that has imported what all of them do.
WITHOUT_THE_PLUGIN = """\
import json, os, socketserver, sys, traceback
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryFile

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "alembic_cascade":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Refuse())
present = metadata.entry_points
metadata.entry_points = lambda **given: () if given.get("group") == "alembic.plugins" else present(**given)

import asyncpg, psycopg, psycopg2
import sqlalchemy.dialects.postgresql, sqlalchemy.ext.asyncio
from alembic.config import CommandLine

class Command(socketserver.StreamRequestHandler):
    def handle(self):
        with TemporaryFile() as printed, TemporaryFile() as logged:
            os.dup2(printed.fileno(), 1)
            os.dup2(logged.fileno(), 2)
            succeeded = True
            try:
                CommandLine(prog="alembic").main(json.loads(self.rfile.readline()))
                assert not [name for name in sys.modules if name.startswith("alembic_cascade")]
            except BaseException:
                traceback.print_exc()
                succeeded = False
            sys.stdout.flush()
            sys.stderr.flush()
            told = []
            for file in (printed, logged):
                file.seek(0)
                told.append(file.read().decode())
            self.wfile.write(json.dumps([succeeded, *told]).encode())

class Commands(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    pass

with Commands(sys.argv[1], Command) as commands:
    print("ready", flush=True)
    commands.serve_forever()
"""


@cache
def _commands() -> str:
    """The socket of the process that runs commands."""
    directory = TemporaryDirectory(prefix="plain-")
    address = f"{directory.name}/commands"
    running = subprocess.Popen([sys.executable, "-c", WITHOUT_THE_PLUGIN, address], stdout=subprocess.PIPE, text=True)

    def end() -> None:
        running.kill()
        running.communicate()
        directory.cleanup()

    atexit.register(end)
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    return address


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
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rw") as file:
            connection.settimeout(300)
            connection.connect(_commands())
            file.write(json.dumps(["-c", str(self.path / "alembic.ini"), *arguments]) + "\n")
            file.flush()
            succeeded, printed, logged = json.loads(file.read())
        assert succeeded, (logged + printed)[-4000:]
        return str(printed)
