"""A small Alembic project on disk: models before and after, revisions between them, the database itself."""

from __future__ import annotations

import io
import logging
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, MetaData, NullPool, create_engine, text
from sqlalchemy.util import LRUCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

options = context.config.attributes["options"]
connect = context.config.attributes["connect"]

if context.is_offline_mode():
    context.configure(
        url=context.config.get_main_option("sqlalchemy.url"),
        literal_binds=True, dialect_opts={"paramstyle": "named"}, **options(),
    )
    with context.begin_transaction():
        context.run_migrations()
else:
    with connect() as connection:
        context.configure(connection=connection, **options())
        with context.begin_transaction():
            context.run_migrations()
"""

TEMPLATE = '''\
"""${message}"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade():
    ${upgrades if upgrades else "pass"}


def downgrade():
    ${downgrades if downgrades else "pass"}
'''

# What SQLAlchemy made of statements. It makes the same of them in test after test, most of all of its reflection's.
_COMPILED = LRUCache[Any, Any](1000)


@cache
def _first_engine(url: URL) -> Engine:
    engine = create_engine(url, poolclass=NullPool)
    # It asks what server that is.
    engine.connect().close()
    return engine


def engine_of(url: URL) -> Engine:
    """An engine with connections and events of its own, whose dialect knows what it knew in the test before."""
    first = _first_engine(url)
    return Engine(first.pool.recreate(), first.dialect, url, execution_options={"compiled_cache": _COMPILED})


_MARKERS = re.compile(r"^ *# ### .*###\n", re.MULTILINE)


@dataclass
class Project:
    """An Alembic project; ``metadata`` is what its models declare just now."""

    path: Path
    url: URL
    metadata: Any = field(default_factory=MetaData)
    options: dict[str, Any] = field(default_factory=dict)
    engine: Engine = field(init=False)
    borrowed: Connection | None = None

    def __post_init__(self) -> None:
        (self.path / "versions").mkdir(parents=True)
        (self.path / "env.py").write_text(ENV)
        (self.path / "script.py.mako").write_text(TEMPLATE)
        self.engine = engine_of(self.url)

    def forget_server(self, **options: Any) -> None:
        """Take an engine that knows of no other test: for another search path, or schemas that are translated."""
        self.engine = create_engine(self.url, poolclass=NullPool, execution_options=options)

    @property
    def config(self) -> Config:
        """A configuration as ``alembic.ini`` would give it."""
        config = Config(stdout=io.StringIO(), output_buffer=io.StringIO())
        config.set_main_option("script_location", str(self.path).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.set_main_option("sqlalchemy.url", self.url.render_as_string(hide_password=False).replace("%", "%%"))
        config.attributes["options"] = self._configure_options
        config.attributes["connect"] = self.connect
        return config

    def connect(self) -> Connection:
        """A connection as env.py makes it, or a test's own."""
        return self.borrowed or self.engine.connect()

    def _configure_options(self) -> dict[str, Any]:
        from alembic_cascade import configure_options  # noqa: PLC0415

        return {"target_metadata": self.metadata, **configure_options(), **self.options}

    def create(self, metadata: MetaData) -> None:
        """Make the tables of ``metadata`` as they are before any migration."""
        with self.engine.begin() as connection:
            metadata.create_all(connection)

    def execute(self, *statements: str) -> None:
        """Run SQL, and commit."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement.replace("%", "%%"))]

    def revision(self, **options: Any) -> Revision:
        """``alembic revision --autogenerate``."""
        (revision,) = self.revisions(**options)
        return revision

    def revisions(self, **options: Any) -> list[Revision]:
        """``alembic revision --autogenerate``, where it may write two."""
        scripts = command.revision(self.config, "change", autogenerate=True, **options)
        listed = scripts if isinstance(scripts, list) else [scripts]
        return [Revision(script.revision, Path(script.path).read_text()) for script in listed if script is not None]

    def upgrade(self, revision: str = "head") -> None:
        """``alembic upgrade``."""
        command.upgrade(self.config, revision)

    def downgrade(self, revision: str = "-1") -> None:
        """``alembic downgrade``."""
        command.downgrade(self.config, revision)

    def upgrade_script(self, revision: str = "head") -> str:
        """``alembic upgrade --sql``."""
        config = self.config
        config.output_buffer = io.StringIO()
        command.upgrade(config, revision, sql=True)
        return config.output_buffer.getvalue()

    def downgrade_script(self, revisions: str) -> str:
        """``alembic downgrade --sql``."""
        config = self.config
        config.output_buffer = io.StringIO()
        command.downgrade(config, revisions, sql=True)
        return config.output_buffer.getvalue()

    def check(self) -> None:
        """``alembic check``: raises where the models and the database differ."""
        command.check(self.config)

    def write_revision(self, upgrade: str, downgrade: str = "pass") -> None:
        """A revision written by hand."""
        directory = ScriptDirectory.from_config(self.config)
        number = len(list(directory.walk_revisions())) + 1
        parent = directory.get_current_head()
        (self.path / "versions" / f"r{number}.py").write_text(
            "from alembic import op\nimport sqlalchemy as sa\n"
            f"revision = 'r{number}'\ndown_revision = {parent!r}\n"
            f"def upgrade():\n{_body(upgrade)}\ndef downgrade():\n{_body(downgrade)}\n"
        )


@dataclass(frozen=True)
class Revision:
    """A revision's file."""

    revision: str
    text: str

    @property
    def upgrade(self) -> str:
        """The body of ``upgrade``, without Alembic's own comments."""
        return self._body("upgrade")

    @property
    def downgrade(self) -> str:
        """The body of ``downgrade``, without Alembic's own comments."""
        return self._body("downgrade")

    def _body(self, function: str) -> str:
        found = re.search(rf"^def {function}\(\):\n((?:(?:    .*)?\n)*)", self.text, re.MULTILINE)
        assert found is not None
        lines = _MARKERS.sub("", found.group(1)).strip("\n").splitlines()
        return "".join(f"{line.removeprefix('    ')}\n" for line in lines)


def _body(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.strip().splitlines())


def catalogue(connection: Connection) -> list[tuple[Any, ...]]:
    """Everything about tables that a migration could leave changed, in an order of its own."""
    return [tuple(row) for row in connection.execute(text(_CATALOGUE))]


_CATALOGUE = """
SELECT 'key', n.nspname, c.relname, CASE WHEN k.conparentid = 0 THEN k.conname ELSE '(clone)' END, pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated
    OR pg_get_constraintdef(k.oid) LIKE '%NOT VALID%' THEN '' ELSE ' (not valid)' END, obj_description(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND k.contype <> 'n' AND c.relname <> 'alembic_version'
UNION ALL
SELECT 'column', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, NULL
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND a.attnum > 0 AND NOT a.attisdropped
    AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
UNION ALL
SELECT 'index', schemaname, tablename, indexname, indexdef, NULL FROM pg_indexes
WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'
UNION ALL
SELECT 'trigger', n.nspname, c.relname, t.tgname, t.tgenabled::text, NULL
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal
ORDER BY 1, 2, 3, 4, 5
"""


def rows(connection: Connection, tables: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The rows of each table, as text and sorted."""
    for table in tables:
        found = connection.exec_driver_sql(f"SELECT t::text FROM {table} t ORDER BY 1".replace("%", "%%"))
        yield table, [row[0] for row in found]


def cascade_log(records: Sequence[logging.LogRecord]) -> list[str]:
    """What our logger said, with durations left out."""
    return [
        re.sub(r"\d+\.\d\d s", "N s", record.getMessage()) for record in records if record.name == "alembic.cascade"
    ]
