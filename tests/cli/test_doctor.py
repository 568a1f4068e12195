"""``doctor``: what is printed, how it ends, and that nothing is changed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from alembic.config import CommandLine
from click.testing import CliRunner, Result
from sqlalchemy import URL, Engine, NullPool, create_engine, text

from alembic_cascade.cli import doctor as command
from alembic_cascade.cli.commands import cascade
from alembic_cascade.doctor.examination import CHECKS, OF_DATABASE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
"""
TABLES = (
    "CREATE TABLE users (id integer PRIMARY KEY)",
    "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer NOT NULL REFERENCES users)",
)
NOWHERE = URL.create("postgresql+psycopg", "nobody", host="127.0.0.1", port=1, database="nothing")

WELL = """\
ok           plugin             env.py passes configure_options() to context.configure()
ok           models             env.py imports every module of app_models that defines tables
ok           logger             alembic.cascade is shown from INFO on
ok           connection         env.py connects to {database}
ok           server             PostgreSQL {version}
ok           rights             postgres owns the models' tables, and may do with them what migrations do
ok           row-security       no rows of the models' tables are hidden from postgres
ok           quarantine         empty
ok           keys               all 1 foreign keys of the schemas are checked
ok           indexes            none is invalid
ok           stopped-revisions  none has left anything
nothing to do
"""


class Site:
    """A project made by ``alembic init``, with the plugin in its env.py, and its tables."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self.engine = engine
        CommandLine(prog="alembic").main(["init", "migrations"])
        self.env = path / "migrations" / "env.py"
        self.edit_env("target_metadata = None", "from app_models import Base\ntarget_metadata = Base.metadata")
        self.edit_env("from alembic import context", "from alembic import context\nfrom alembic_cascade import *")
        self.edit_env("=target_metadata\n", "=target_metadata, **configure_options()\n")
        (path / "app_models.py").write_text(MODELS)
        self.connect_to(engine.url)
        self.execute(*TABLES)

    def edit_env(self, old: str, new: str) -> None:
        assert old in self.env.read_text()
        self.env.write_text(self.env.read_text().replace(old, new))

    def connect_to(self, url: URL) -> None:
        ini = self.path / "alembic.ini"
        address = url.render_as_string(hide_password=False).replace("%", "%%")
        written = [
            f"sqlalchemy.url = {address}" if line.startswith("sqlalchemy.url") else line
            for line in ini.read_text().splitlines()
        ]
        ini.write_text("\n".join(written))

    def execute(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def run(self, *arguments: str) -> Result:
        """``alembic-cascade doctor`` with these arguments."""
        sys.modules.pop("app_models", None)
        runner = CliRunner(env={"COLUMNS": None})
        return runner.invoke(cascade, ["doctor", *arguments], catch_exceptions=False, prog_name="alembic-cascade")

    def json(self, *arguments: str) -> dict[str, list[dict[str, Any]]]:
        """The lines of each check."""
        document = json.loads(self.run("--format", "json", *arguments).stdout)
        assert document.pop("version") == 1
        assert list(document) == ["checks"]
        found: dict[str, list[dict[str, Any]]] = {}
        for line in document["checks"]:
            found.setdefault(line.pop("check"), []).append(line)
        return found


@pytest.fixture
def site(own_imports: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> Iterator[Site]:
    """The project as the working directory."""
    monkeypatch.delenv("ALEMBIC_CONFIG", raising=False)
    yield Site(own_imports, engine)
    sys.modules.pop("app_models", None)


def everything(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(
            connection.execute(text("SELECT oid, xmin, relname FROM pg_class WHERE relkind <> 't' ORDER BY oid"))
        )


def test_all_is_well(site: Site) -> None:
    """A line for each check, and nothing in the database is touched."""
    before = everything(site.engine)
    result = site.run()
    with site.engine.connect() as connection:
        version = connection.scalar(text("SHOW server_version"))
    assert result.stdout == WELL.format(database=site.engine.url.database, version=version)
    assert (result.stderr, result.exit_code) == ("", 0)
    assert everything(site.engine) == before
    assert list(site.json()) == list(CHECKS)


def test_something_to_do(site: Site) -> None:
    """What to do stands below what there is, and the status is 1."""
    (site.path / "more_models.py").write_text("from app_models import Base\nclass A(Base):\n    __tablename__ = 'a'\n")
    site.execute("ALTER TABLE posts DISABLE TRIGGER ALL")
    result = site.run()
    lines = result.stdout.splitlines()
    assert lines[1:3] == [
        "to do        models             more_models.py defines A, and env.py does not import it: autogenerate would drop "
        "the tables, or never make them",
        "                                In env.py: import more_models.",
    ]
    assert lines[-1] == "2 things to do"
    assert result.exit_code == 1
    (found,) = site.json()["keys"]
    assert found["verdict"] == "to do"
    assert found["database"] == site.engine.url.database
    assert found["advice"].startswith("ALTER TABLE posts ENABLE TRIGGER")
    assert site.run("--skip", "keys", "--skip", "models").exit_code == 0
    assert site.json("--skip", "keys")["keys"][0]["said"] == "--skip"


def test_plain_alembic(site: Site) -> None:
    """It says how to wire the plugin, and looks at all else the same."""
    site.edit_env(", **configure_options()", "")
    found = site.json()
    (wiring,) = found["plugin"]
    assert wiring["verdict"] == "to do"
    assert wiring["advice"].startswith("In env.py: from alembic_cascade import CascadeConfig, configure_options;")
    assert {line["verdict"] for check in OF_DATABASE for line in found[check]} == {"ok"}


def test_no_models(site: Site) -> None:
    """What needs them is not said to be well."""
    site.edit_env("target_metadata = Base.metadata", "target_metadata = None")
    found = site.json()
    assert found["models"][0]["verdict"] == "to do"
    assert {found[check][0]["verdict"] for check in ("rights", "row-security")} == {"not checked"}
    assert found["keys"][0]["verdict"] == "ok"


def test_no_connection(site: Site) -> None:
    """What can be seen without one is seen; nothing else is said to be well."""
    site.connect_to(NOWHERE)
    result = site.run()
    assert result.exit_code == 1
    found = site.json()
    assert found["plugin"][0]["verdict"] == "not checked"
    assert (found["models"][0]["verdict"], found["logger"][0]["verdict"]) == ("ok", "ok")
    (refused,) = found["connection"]
    assert refused["verdict"] == "to do"
    assert "refused" in refused["said"]
    assert {line["verdict"] for check in OF_DATABASE for line in found[check]} == {"not checked"}
    assert {line["said"] for check in OF_DATABASE for line in found[check]} == {"there is no connection"}


def test_a_server_that_starts_meanwhile(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again, and it is said how often."""
    site.connect_to(NOWHERE)
    pauses: list[float] = []

    def start(pause: float) -> None:
        pauses.append(pause)
        if len(pauses) == 2:
            site.connect_to(site.engine.url)

    monkeypatch.setattr(command, "sleep", start)
    found = site.json("--wait", "60")
    (connected,) = found["connection"]
    assert connected["verdict"] == "ok"
    assert f"connects to {site.engine.url.database}, after 3 tries in " in connected["said"]
    assert pauses == [0.5, 1.0]


def test_the_waiting_ends(site: Site) -> None:
    """It is no longer than was said."""
    site.connect_to(NOWHERE)
    (refused,) = site.json("--wait", "1")["connection"]
    # How often it comes to try within it is the machine's affair.
    assert re.match(r"env\.py could not connect in \d+ tries, 1 s: ", refused["said"])


def test_an_env_py_that_fails_is_not_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting would not help; the status is 2."""
    site.edit_env("target_metadata = Base", "import nothing_of_that_name\ntarget_metadata = Base")
    monkeypatch.setattr(command, "sleep", lambda _: pytest.fail("it waits"))
    result = site.run("--wait", "60")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "error: env.py could not be run: ModuleNotFoundError: No module named 'nothing_of_that_name'\n"
    )


def test_an_option_that_is_wrong(site: Site) -> None:
    """Click's own words."""
    assert site.run("--skip", "nothing").exit_code == 2
    assert site.run("--wait", "soon").exit_code == 2


def test_another_database(site: Site) -> None:
    """The project is looked at all the same."""
    site.connect_to(URL.create("sqlite"))
    found = site.json()
    assert found["connection"][0]["verdict"] == "ok"
    assert {line["said"] for check in OF_DATABASE for line in found[check]} == {
        "it is about PostgreSQL, and this is sqlite"
    }
    assert site.run().exit_code == 0


def test_an_address_without_a_database(site: Site, engine: Engine) -> None:
    """Where env.py connects by a function of its own, the session tells its name."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    site.connect_to(URL.create("postgresql+psycopg"))
    site.edit_env("from alembic import context\n", "from alembic import context\nimport psycopg\n")
    site.edit_env("poolclass=pool.NullPool", f"poolclass=pool.NullPool, creator=lambda: psycopg.connect({url!r})")
    (connected,) = site.json()["connection"]
    assert connected["said"] == f"env.py connects to {engine.url.database}"


def test_several_databases(site: Site, engine: Engine) -> None:
    """Each has its own lines; what is in either's models is imported."""
    name = f"{engine.url.database}_second"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    urls = [one.render_as_string(hide_password=False) for one in (engine.url, engine.url.set(database=name))]
    site.env.write_text(
        "from alembic import context\nfrom alembic_cascade import *\nfrom app_models import Base\n"
        f"from sqlalchemy import NullPool, create_engine\nfor url in {urls!r}:\n"
        "    with create_engine(url, poolclass=NullPool).connect() as connection:\n"
        "        context.configure(connection=connection, target_metadata=Base.metadata, **configure_options())\n"
        "        with context.begin_transaction():\n            context.run_migrations()\n"
    )
    assert [line for line in site.run("--skip", "logger").stdout.splitlines() if line.startswith("Database")] == [
        f"Database {engine.url.database}",
        f"Database {name}",
    ]
    assert [line["database"] for line in site.json()["server"]] == [engine.url.database, name]


@pytest.mark.parametrize("level", ["AUTOCOMMIT", "SERIALIZABLE"])
def test_whatever_the_isolation(site: Site, level: str) -> None:
    """Of the connection that env.py opens."""
    site.edit_env("connectable.connect() as", f"connectable.connect().execution_options(isolation_level='{level}') as")
    assert site.run().exit_code == 0


def test_nothing_can_be_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that tried to would fail, and env.py goes on after it."""
    site.edit_env(
        "            context.run_migrations()",
        "            context.run_migrations()\n            connection.exec_driver_sql('CREATE TABLE made (id int)')",
    )
    monkeypatch.setattr(
        "alembic_cascade.doctor.half_way.invalid_indexes_in_schema", lambda _: text("CREATE TABLE harm (id int)")
    )
    (found,) = site.json()["indexes"]
    assert found["said"] == "it could not be looked at: cannot execute CREATE TABLE in a read-only transaction"
    with create_engine(site.engine.url, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('harm') IS NULL AND to_regclass('made') IS NOT NULL"))


def test_it_is_installed_as_a_command(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, whose logging is env.py's alone."""
    ini = site.path / "alembic.ini"
    monkeypatch.delenv("COLUMNS", raising=False)
    done = [sys.executable, "-W", "error", "-m", "alembic_cascade.cli", "doctor"]
    run = subprocess.run(done, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stderr, run.returncode) == ("", 0)
    ini.write_text(ini.read_text().replace("level = INFO", "level = WARNING"))
    run = subprocess.run(done, capture_output=True, text=True, timeout=60, check=False)
    assert "to do        logger             the logger alembic.cascade is shown from WARNING on at best" in run.stdout
    assert run.returncode == 1
