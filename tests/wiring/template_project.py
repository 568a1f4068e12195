"""A project that ``alembic init`` made, with the documented wiring and nothing else of ours."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic.config import CommandLine
from sqlalchemy import URL, Engine

WIRING = "**configure_options(CascadeConfig())"

# Templates, and the drivers that they are run with.
DRIVERS = (
    ("generic", "psycopg"),
    ("generic", "psycopg2"),
    ("pyproject", "psycopg"),
    ("async", "asyncpg"),
    ("async", "psycopg"),
)

# What the models of the tests declare; the rule of the key is what changes.
MODELS = """\
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

target_metadata = MetaData()
Table("users", target_metadata, Column("id", Integer, primary_key=True))
Table(
    "posts",
    target_metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete={ondelete!r})),
)
"""

# The database as it is before: the key has no rule, and nobody named it.
TABLES = (
    "CREATE TABLE users (id serial PRIMARY KEY)",
    "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer REFERENCES users)",
    "INSERT INTO users VALUES (1), (2)",
    "INSERT INTO posts VALUES (10, 1), (20, 2), (30, NULL)",
)


def execute(engine: Engine, *statements: str) -> None:
    """Run SQL, and commit."""
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def rules(engine: Engine) -> dict[str, str]:
    """The ON DELETE rule of each foreign key, ``a`` for NO ACTION and ``c`` for CASCADE, by the key's name."""
    query = (
        "SELECT n.nspname, k.conname, k.confdeltype::text FROM pg_constraint k "
        "JOIN pg_namespace n ON n.oid = k.connamespace WHERE k.contype = 'f' ORDER BY 1, 2"
    )
    with engine.connect() as connection:
        return {
            name if schema == "public" else f"{schema}.{name}": rule
            for schema, name, rule in connection.exec_driver_sql(query)
        }


def run_script(engine: Engine, script: str) -> None:
    """Run a script with its own BEGIN and COMMIT, as psql would."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(script)


def written(url: URL, driver: str | None = None) -> str:
    """``url`` as it stands in alembic.ini, for another driver if one is given."""
    if driver is not None:
        url = url.set(drivername=f"postgresql+{driver}")
    return url.render_as_string(hide_password=False).replace("%", "%%")


class TemplateProject:
    """An Alembic project in ``path``, to be run from there as a user would."""

    def __init__(self, path: Path, template: str, *, wiring: str | None = WIRING) -> None:
        self.path = path
        self.run("init", "--template", template, "migrations")
        self.edit("migrations/env.py", "target_metadata = None", "from models import target_metadata")
        self.edit("migrations/env.py", "target_metadata = {}", "from models import target_metadata")
        if wiring is not None:
            self.edit(
                "migrations/env.py",
                "from alembic import context\n",
                "from alembic import context\nfrom alembic_cascade import CascadeConfig, configure_options\n",
            )
            for given in ("target_metadata=target_metadata", "target_metadata=target_metadata.get(name)"):
                for end in (",\n", "\n", ")\n"):
                    self.edit("migrations/env.py", given + end, f"{given}, {wiring}{end}")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace ``old`` by ``new`` wherever it stands in a file of the project."""
        path = self.path / file
        path.write_text(path.read_text().replace(old, new))

    def connect_to(self, url: str) -> None:
        """Write the database's address into alembic.ini."""
        self.edit("alembic.ini", "driver://user:pass@localhost/dbname", url)

    def declare(self, models: str) -> None:
        """Write the models."""
        (self.path / "models.py").write_text(models)
        sys.modules.pop("models", None)

    def run(self, *arguments: str) -> None:
        """The ``alembic`` command line."""
        CommandLine(prog="alembic").main(list(arguments))

    def autogenerate(self) -> str:
        """``alembic revision --autogenerate``: the text of the new revision."""
        versions = self.path / "migrations" / "versions"
        known = set(versions.glob("*.py"))
        self.run("revision", "--autogenerate", "-m", "change")
        (new,) = set(versions.glob("*.py")) - known
        return new.read_text()
