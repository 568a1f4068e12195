"""``audit``: what is printed, and how it ends."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.config import CommandLine
from click.testing import CliRunner, Result
from sqlalchemy import URL, Engine, NullPool, create_engine, text

from alembic_cascade.cli.commands import cascade

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    goals: Mapped[list["Goal"]] = relationship()


class Goal(Base):
    __tablename__ = "goals"
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
"""
MENDED = MODELS.replace("relationship()", 'relationship(foreign_keys="Goal.user_id", passive_deletes="all")').replace(
    'ForeignKey("users.id"))', 'ForeignKey("users.id", deferrable=True, initially="DEFERRED"), index=True)'
)
FOUND = MODELS.replace("relationship()", 'relationship(foreign_keys="Goal.user_id")')
TABLES = (
    "CREATE TABLE users (id integer PRIMARY KEY)",
    "CREATE TABLE goals (user_id integer PRIMARY KEY REFERENCES users ON DELETE SET NULL,"
    " editor_id integer REFERENCES users DEFERRABLE INITIALLY DEFERRED)",
    "CREATE INDEX ON goals (editor_id)",
)
SAID = """\
error blank-out-primary-key  User.goals  app_models.py:12
  It does not delete Goal, whose primary key holds user_id.
  session.delete() of a User with children fails: Dependency rule tried to blank-out primary key column goals.user_id.
  -     goals: Mapped[list["Goal"]] = relationship(foreign_keys="Goal.user_id")
  +     goals: Mapped[list["Goal"]] = relationship(foreign_keys="Goal.user_id", cascade="all, delete-orphan", passive_deletes=True)

warning contradicting-cascade-paths  goals.editor_id -> users.id  app_models.py:18
  It has NO ACTION, and CASCADE removes its rows as well: users -> goals.
  A delete in users that reaches a row of goals both ways is refused or not as it happens, by which key is older and which row comes first.
  Give it ondelete="CASCADE", or let it be checked at the end: deferrable=True, initially="DEFERRED".

warning unindexed-foreign-key  goals.editor_id -> users.id  app_models.py:18
  No index begins with editor_id.
  Whatever the rule, each delete of a row of users reads all rows of goals.
  -     editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
  +     editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
  Then the next autogenerate settles the index.

1 error, 2 warnings
"""
SAID_OF_THE_DATABASE = """\
warning foreign-key-drift  goals.user_id -> users.id  app_models.py:17
  The database has it otherwise than the models: SET NULL -> CASCADE.
  Deletes do what the database says, not what the models say.
  The next autogenerate settles it.

1 warning
"""
NOWHERE = URL.create("postgresql+psycopg", "nobody", host="127.0.0.1", port=1, database="nothing")


@dataclass
class Site:
    """A project made by ``alembic init`` and its models; the plugin stands nowhere in its env.py."""

    path: Path
    engine: Engine

    def write(self, models: str) -> None:
        """Other models, as a new process would import them."""
        sys.modules.pop("app_models", None)
        (self.path / "app_models.py").write_text(models)

    def write_env(self, old: str, new: str) -> None:
        """Another env.py."""
        env = self.path / "migrations" / "env.py"
        assert old in env.read_text()
        env.write_text(env.read_text().replace(old, new))

    def connect_to(self, url: URL) -> None:
        """Another database."""
        ini = self.path / "alembic.ini"
        lines = ini.read_text().splitlines()
        address = url.render_as_string(hide_password=False).replace("%", "%%")
        written = [f"sqlalchemy.url = {address}" if line.startswith("sqlalchemy.url") else line for line in lines]
        ini.write_text("\n".join(written))

    def execute(self, *statements: str) -> None:
        """Run SQL, and commit."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    def run(self, *arguments: str) -> Result:
        """``alembic-cascade audit`` with these arguments."""
        sys.modules.pop("app_models", None)
        runner = CliRunner(env={"COLUMNS": None})
        return runner.invoke(cascade, ["audit", *arguments], catch_exceptions=False, prog_name="alembic-cascade")

    def json(self, *arguments: str) -> dict[str, Any]:
        """What is found, as JSON."""
        return json.loads(self.run("--format", "json", *arguments).stdout)


@pytest.fixture
def site(own_imports: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, own_logging: None) -> Iterator[Site]:
    """The project as the working directory."""
    monkeypatch.delenv("ALEMBIC_CONFIG", raising=False)
    CommandLine(prog="alembic").main(["init", "migrations"])
    made = Site(own_imports, engine)
    made.write_env("target_metadata = None", "from app_models import Base\ntarget_metadata = Base.metadata")
    made.connect_to(engine.url)
    made.write(FOUND)
    yield made
    sys.modules.pop("app_models", None)


def failure(result: Result) -> str:
    """What is said of an audit that could not run."""
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").removesuffix("\n")


def test_what_it_says(site: Site) -> None:
    """What matters most comes first; an unreachable database is not asked."""
    site.connect_to(NOWHERE)
    result = site.run("--models-only")
    assert (result.stdout, result.stderr, result.exit_code) == (SAID, "", 1)


def test_what_it_says_of_a_database(site: Site) -> None:
    """Where both agree but for a rule."""
    site.write(MENDED)
    site.execute(*TABLES)
    result = site.run("--fail-on", "warning")
    assert (result.stdout, result.stderr, result.exit_code) == (SAID_OF_THE_DATABASE, "", 1)


def test_nothing_found(site: Site) -> None:
    """The words are few, and the exit status is 0."""
    site.write(MENDED)
    for arguments in ([], ["--models-only"], ["--fail-on", "info"]):
        result = site.run(*arguments)
        assert (result.stdout, result.stderr, result.exit_code) == ("nothing found\n", "", 0)


def test_nothing_is_changed(site: Site) -> None:
    """Not even the version table is made."""
    site.run()
    with site.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")) == 0


@pytest.mark.parametrize(
    ("limit", "models", "status"),
    [
        ("error", FOUND, 1),
        ("error", FOUND.replace("relationship(", 'relationship(passive_deletes="all", '), 0),
        ("warning", FOUND.replace("relationship(", 'relationship(passive_deletes="all", '), 1),
        ("info", FOUND.replace("relationship(", 'relationship(passive_deletes="all", '), 1),
        ("info", MENDED, 0),
    ],
)
def test_what_makes_it_fail(site: Site, limit: str, models: str, status: int) -> None:
    """An error does by default; what matters less where it is asked for."""
    site.write(models)
    assert site.run("--models-only", "--fail-on", limit).exit_code == status
    if limit == "error":
        assert site.run("--models-only").exit_code == status


def test_json(site: Site) -> None:
    """A version, and the database's name."""
    written = site.json()
    assert list(written) == ["version", "findings", "waived", "gone"]
    assert written["version"] == 1
    assert {finding["database"] for finding in written["findings"]} == {site.engine.url.database}
    assert [(finding["severity"], finding["rule"]) for finding in written["findings"]] == [
        ("error", "blank-out-primary-key"),
        ("warning", "contradicting-cascade-paths"),
        ("warning", "unindexed-foreign-key"),
    ]
    assert {finding["database"] for finding in site.json("--models-only")["findings"]} == {None}


def test_lines_for_github(site: Site) -> None:
    """One for each finding."""
    result = site.run("--models-only", "--format", "github")
    assert [line.split("::")[1] for line in result.stdout.splitlines()] == [
        "error file=app_models.py,line=12,title=blank-out-primary-key",
        "warning file=app_models.py,line=18,title=contradicting-cascade-paths",
        "warning file=app_models.py,line=18,title=unindexed-foreign-key",
    ]
    assert result.exit_code == 1


def test_sarif(site: Site) -> None:
    """One document, and nothing beside it."""
    result = site.run("--models-only", "--format", "sarif")
    written = json.loads(result.stdout)
    assert len(written["runs"][0]["results"]) == 3
    assert result.exit_code == 1


def test_a_baseline(site: Site) -> None:
    """What was found once is not found again; what is gone is told of."""
    (site.path / "known.json").write_text(site.run("--format", "json").stdout)
    result = site.run("--baseline", "known.json")
    assert (result.stdout, result.exit_code) == ("nothing found\n", 0)
    site.write(FOUND.replace('"users.id"))', '"users.id"), index=True)'))
    result = site.run("--models-only", "--baseline", "known.json")
    assert result.stdout == (
        "gone, take it out of the baseline: unindexed-foreign-key goals.editor_id -> users.id: "
        "no index begins with editor_id\n"
        "nothing found\n"
    )
    assert result.exit_code == 0
    assert [one["rule"] for one in site.json("--baseline", "known.json")["gone"]] == ["unindexed-foreign-key"]


def test_a_baseline_of_a_database_without_it(site: Site) -> None:
    """Nothing is said to be gone that nobody looked for."""
    site.write(MENDED)
    site.execute(*TABLES)
    (site.path / "known.json").write_text(site.run("--format", "json").stdout)
    assert site.run("--models-only", "--baseline", "known.json").stdout == "nothing found\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "known.json is no JSON: "),
        (b"\xff\xfe", "known.json is no JSON: "),
        (b"[]", "known.json is no baseline: write one by alembic-cascade audit --format json > known.json"),
        (b'{"version": 1, "tables": []}', "known.json is no baseline: "),
        (b'{"version": 7, "findings": []}', "known.json: version 7 of the findings is not known here, only 1."),
    ],
)
def test_a_baseline_that_is_none(site: Site, content: bytes, problem: str) -> None:
    """It is refused before anything is looked at."""
    (site.path / "known.json").write_bytes(content)
    assert failure(site.run("--baseline", "known.json")).startswith(problem)


@pytest.mark.parametrize("name", ["absent.json", "migrations"])
def test_a_baseline_that_is_no_file(site: Site, name: str) -> None:
    """Click's own words."""
    result = site.run("--baseline", name)
    assert result.exit_code == 2
    assert f"'{name}'" in result.stderr


def test_waivers(site: Site) -> None:
    """The settings stand in env.py, though the plugin is not asked for anything else."""
    site.write_env(
        "from app_models import Base",
        "from app_models import Base\nfrom alembic_cascade import CascadeConfig, Waiver\n"
        "meant = CascadeConfig(waivers=[Waiver(rule, '*', 'meant') for rule in"
        " ('blank-out-primary-key', 'contradicting-cascade-paths', 'unindexed-foreign-key')])",
    )
    site.write_env("target_metadata=target_metadata", "target_metadata=target_metadata, cascade=meant")
    for arguments in ([], ["--models-only"]):
        result = site.run(*arguments)
        assert (result.stdout, result.exit_code) == ("nothing found, 3 waived\n", 0)


def test_settings_that_are_wrong(site: Site) -> None:
    """A rule that there is not."""
    site.write_env(
        "from app_models import Base",
        "from app_models import Base\nfrom alembic_cascade import CascadeConfig, Waiver\n"
        "meant = CascadeConfig(waivers=[Waiver('blank-out', '*', 'meant')])",
    )
    site.write_env("target_metadata=target_metadata", "target_metadata=target_metadata, cascade=meant")
    assert failure(site.run("--models-only")).startswith("waivers: there is no rule 'blank-out'; there are: ")


def test_a_rule_that_is_asked_for(site: Site) -> None:
    """One that is off by default; the name of none is refused."""
    site.write(MENDED)
    written = site.json("--models-only", "--rule", "one-way-relationship")
    assert [finding["target"] for finding in written["findings"]] == ["User.goals"]
    refused = site.run("--rule", "two-way")
    assert refused.exit_code == 2
    assert "Invalid value for '--rule': 'two-way' is not one of '" in refused.stderr


def test_several_databases(site: Site) -> None:
    """As the multidb template has them: each is told by its name, and what both have is no stale waiver."""
    name = f"{site.engine.url.database}_second"
    with site.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    second = create_engine(site.engine.url.set(database=name), poolclass=NullPool)
    site.write(MENDED)
    for engine in (site.engine, second):
        Site(site.path, engine).execute(*TABLES)
    Site(site.path, second).execute(
        "ALTER TABLE goals DROP CONSTRAINT goals_user_id_fkey",
        "ALTER TABLE goals ADD FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
    )
    urls = [engine.url.render_as_string(hide_password=False) for engine in (site.engine, second)]
    (site.path / "migrations" / "env.py").write_text(
        "from alembic import context\nfrom sqlalchemy import NullPool, create_engine\nfrom app_models import Base\n"
        "from alembic_cascade import CascadeConfig, Waiver\n"
        "meant = CascadeConfig(waivers=[Waiver('foreign-key-drift', 'goals.*', 'meant')])\n"
        f"for url in {urls!r}:\n"
        "    with create_engine(url, poolclass=NullPool).connect() as connection:\n"
        "        context.configure(connection=connection, target_metadata=Base.metadata, cascade=meant)\n"
        "        with context.begin_transaction():\n            context.run_migrations()\n"
    )
    result = site.run("--fail-on", "info")
    assert (result.stdout, result.exit_code) == (
        f"Database {site.engine.url.database}\nDatabase {name}\nnothing found, 1 waived\n",
        0,
    )


def test_models_of_several_metadatas(site: Site) -> None:
    """Alembic takes a list."""
    site.write_env("= Base.metadata", "= [Base.metadata, MetaData()]\n")
    site.write_env("from app_models import Base", "from app_models import Base\nfrom sqlalchemy import MetaData")
    assert site.run("--models-only").stdout == SAID


@pytest.mark.parametrize("given", ["None", "[]", "'text'", "[None]"])
def test_no_models(site: Site, given: str) -> None:
    """An audit of nothing would find nothing."""
    site.write_env("= Base.metadata", f"= {given}")
    said = "env.py gives context.configure() no target_metadata: there are no models to look at."
    assert failure(site.run("--models-only")) == said


def test_an_env_py_that_fails(site: Site) -> None:
    """A module of models that can't be imported is one line."""
    site.write("import nothing_of_that_name")
    said = "env.py could not be run: ModuleNotFoundError: No module named 'nothing_of_that_name'"
    assert failure(site.run("--models-only")) == said
    assert failure(site.run()) == said


def test_a_database_that_is_not_there(site: Site) -> None:
    """Without --models-only, it is asked."""
    site.connect_to(NOWHERE)
    assert "refused" in failure(site.run())


def test_another_database(site: Site) -> None:
    """The models can be looked at whatever it is."""
    site.connect_to(URL.create("sqlite"))
    said = "An audit of the database can't be done on sqlite. Look at the models alone: --models-only."
    assert failure(site.run()) == said
    assert site.run("--models-only").stdout == SAID


def test_what_a_terminal_would_obey(site: Site) -> None:
    """Names come from anywhere."""
    site.write(MENDED)
    site.execute(*TABLES, 'ALTER TABLE goals ADD "\x1b[31mred" integer REFERENCES users')
    result = site.run()
    assert "\x1b" not in result.stdout
    assert "goals.\\x1b[31mred -> users.id" in result.stdout
