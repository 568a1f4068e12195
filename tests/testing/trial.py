"""A project as a user has it on disk, and pytest run on it as a user runs it."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import Any

# pytester forgets what a run in this process imported, and a second import of asyncpg's compiled part is a segfault.
import asyncpg  # noqa: F401 - it is imported to stay
import pytest
import pytest_alembic_cascade
from sqlalchemy import Engine

from alembic_cascade.testing.asked import Asked, asked

# An address at which nobody is: what reached it would fail.
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/never"

INI = """\
[alembic]
script_location = %(here)s/migrations
prepend_sys_path = .
path_separator = os
sqlalchemy.url = {url}
"""

# The generic template of Alembic, with what it does to logging, and our line.
ENV = """\
from logging.config import fileConfig

from alembic import context
from sqlalchemy import engine_from_config, pool

from alembic_cascade import CascadeConfig, configure_options
from models import metadata

config = context.config
fileConfig(config.config_file_name) if config.get_section("loggers") else None

if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), target_metadata=metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = engine_from_config(config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection, target_metadata=metadata, **configure_options(CascadeConfig())
        )
        with context.begin_transaction():
            context.run_migrations()
"""

REVISION = """\
from alembic import op

revision = {revision!r}
down_revision = {parent!r}
depends_on = {depends_on!r}


def upgrade():
{upgrade}


def downgrade():
{downgrade}
"""


@dataclass
class Trial:
    """The project, in an empty directory, and the server that serves its tests."""

    pytester: pytest.Pytester
    monkeypatch: pytest.MonkeyPatch
    engine: Engine

    def __post_init__(self) -> None:
        (self.pytester.path / "migrations" / "versions").mkdir(parents=True)
        self.write("alembic.ini", INI.format(url=NOWHERE))
        self.write("migrations/env.py", ENV)

    def write(self, file: str, text: str) -> None:
        (self.pytester.path / file).write_text(dedent(text))

    def revise(
        self,
        revision: str,
        parent: str | tuple[str, ...] | None,
        *,
        up: str = "",
        down: str = "",
        depends_on: str | None = None,
    ) -> None:
        """Write a revision of lines of Python, or of statements of SQL where they don't begin with a call."""
        text = REVISION.format(
            revision=revision, parent=parent, depends_on=depends_on, upgrade=_body(up), downgrade=_body(down)
        )
        self.write(f"migrations/versions/{revision}.py", text)

    @property
    def url(self) -> str:
        return self.engine.url.render_as_string(hide_password=False)

    def arguments(
        self, *more: str, plugins: tuple[str, ...] = (), url: str | None = "", autoload: bool = False
    ) -> list[str]:
        """What pytest is called with: the tests' own server, unless another one is named; ours and those plugins, or all."""
        self.monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        loaded = ["-pno:cacheprovider"]
        if not autoload:
            self.monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
            loaded += [f"-p{name}" for name in ("pytest_alembic_cascade", *plugins)]
        server = [] if url is None else [f"--alembic-cascade-url={url or self.url}"]
        return [*loaded, *server, "-Werror", *more]

    def run(self, *more: str, **how: Any) -> pytest.RunResult:
        """``pytest``, with :meth:`arguments`, in a process of its own."""
        return self.pytester.run(sys.executable, "-m", "pytest", *self.arguments(*more, **how), timeout=300)

    def run_here(self, *more: str, **how: Any) -> pytest.RunResult:
        """The same in this process, which has imported all that it needs."""
        arguments = self._arguments_here(*more, **how)
        with self.monkeypatch.context() as patch:
            # The tests have a module of that name themselves.
            patch.delitem(sys.modules, "models", raising=False)
            return self.pytester.runpytest_inprocess(*arguments, plugins=[pytest_alembic_cascade])

    def asked(self, *more: str, **how: Any) -> Asked:
        """What such a run would be asked for, without a run."""
        self.pytester.plugins = [pytest_alembic_cascade]
        return asked(self.pytester.parseconfig(*self._arguments_here(*more, **how)))

    def _arguments_here(self, *more: str, **how: Any) -> list[str]:
        # By its name, pytest would want to import it before anybody else has.
        return [one for one in self.arguments(*more, **how) if one != "-ppytest_alembic_cascade"]

    def databases(self) -> list[str]:
        """Scratch databases that are on the server."""
        with self.engine.connect() as connection:
            query = "SELECT datname FROM pg_database WHERE datname LIKE 'alembic_cascade_test%%'"
            return [name for (name,) in connection.exec_driver_sql(query)]


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """What became of each test, by its id, in the output of ``-v``."""
    # A worker of xdist stands before it.
    lines = (re.sub(r"^\[gw\d\] \[ *\d+%\] (\w+) (.*)$", r"\2 \1", line.rstrip()) for line in result.outlines)
    found = (re.match(r"(\S+::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL)\b", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def sections(result: pytest.RunResult) -> dict[str, str]:
    """What each failed test says, by its name."""
    text = "\n".join(line.rstrip() for line in result.outlines)
    found = re.findall(r"^_+ (test_.+?) _+\n(.*?)(?=^_{3,}|^={3,})", text, re.MULTILINE | re.DOTALL)
    return dict(found)


def _body(lines: str) -> str:
    written = [
        line if line.startswith(("op.", "raise ")) else f"op.execute({line!r})"
        for line in dedent(lines).splitlines()
        if line
    ]
    return indent("\n".join(written) or "pass", "    ")
