"""The command line finds the database as Alembic's own commands do: it runs env.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alembic.config import CommandLine
from click.testing import CliRunner, Result
from sqlalchemy import Engine, NullPool, create_engine, text
from workplace import ENV, INI, Workplace, cleaned

from alembic_cascade.cli.commands import cascade

BEGUN = "with context.begin_transaction():"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(cascade, arguments, catch_exceptions=False, prog_name="alembic-cascade")


def kept_tables(result: Result) -> int:
    assert result.exit_code == 0, result.output
    return len(json.loads(result.stdout)["tables"])


LIST = ("quarantine", "list", "--format", "json")


@pytest.mark.parametrize(("template", "driver"), [("generic", "psycopg2"), ("async", "asyncpg"), ("async", "psycopg")])
def test_alembics_templates_over_other_drivers(blog: Workplace, template: str, driver: str) -> None:
    """As ``alembic init`` leaves them, with nothing of ours, and their own logging."""
    CommandLine(prog="alembic").main(["-c", "other.ini", "init", "--template", template, "other"])
    url = blog.engine.url.set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)
    ini = blog.path / "other.ini"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", url.replace("%", "%%")))
    result = run("-c", "other.ini", *LIST)
    assert kept_tables(result) == 2
    assert result.stderr == ""
    assert json.loads(result.stdout)["tables"][0]["unknown_revision"] is True
    (posts,) = json.loads(
        run("-c", "other.ini", "quarantine", "show", "one", "--table", "posts", "--format", "json").stdout
    )["tables"]
    assert posts["rows"][0]["values"] == {"id": 20, "user_id": 5, "title": "World"}
    assert "Erased 4 rows." in run("-c", "other.ini", "quarantine", "erase", "users", "--key", "id=5", "-y").stdout
    result = run("-c", "other.ini", "quarantine", "restore", "one", "--yes")
    assert (result.exit_code, result.stdout) == (0, "restored 1 row of posts\n")
    blog.execute("INSERT INTO posts VALUES (50, 7, NULL)")
    blog.migrate("two", cleaned())
    assert "Purged 2 rows." in run("-c", "other.ini", "quarantine", "purge", "--older-than", "0", "--yes").stdout
    assert blog.kept() == []
    result = run("-c", "other.ini", "quarantine", "erase", "posts", "--key", "id=eve", "--yes")
    assert "public.posts.id is of the type integer, which has no value 'eve'." in result.stderr


@pytest.mark.parametrize(
    "env",
    [
        ENV.replace("connection=connection", "connection=connection, transaction_per_migration=True"),
        ENV.replace("connection=connection", "connection=connection, transactional_ddl=True"),
        ENV.replace("engine.connect()", "engine.begin()"),
        ENV.replace("engine.connect()", "engine.begin()").replace(
            "connection=connection", "connection=connection, transaction_per_migration=True"
        ),
        ENV.replace(
            "    context.configure",
            "    connection = connection.execution_options(schema_translate_map={'alembic_cascade': 'none'})\n"
            "    context.configure",
        ),
    ],
)
def test_what_is_done_is_committed(blog: Workplace, env: str) -> None:
    """Whatever env.py makes of transactions; and names are those of the database."""
    blog.write_env(env)
    result = blog.run("purge", "--all", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert blog.kept() == []


def test_what_env_py_does_not_commit_is_not_said_to_be_done(blog: Workplace) -> None:
    """SQL before configure() begins a transaction that Alembic leaves to env.py, and this one forgets it."""
    early = "    connection.exec_driver_sql('SELECT 1')\n"
    blog.write_env(ENV.replace("    context.configure", f"{early}    context.configure"))
    for command in (["purge", "--all"], ["restore", "one"], ["erase", "users", "--key", "id=5"]):
        result = blog.run(*command, "--yes")
        assert result.exit_code == 2
        assert result.stderr.startswith("error: Nothing was changed, for env.py did not commit it.")
        assert len(blog.kept()) == 2
    blog.write_env(ENV.replace("    context.configure", f"{early}    connection.commit()\n    context.configure"))
    assert blog.run("purge", "--all", "--yes").exit_code == 0
    assert blog.kept() == []


def test_the_version_table_is_not_made(workplace: Workplace) -> None:
    """Who looks changes nothing."""
    assert workplace.run("list").exit_code == 0
    assert workplace.fetch("SELECT 1 FROM pg_tables WHERE tablename = 'alembic_version'") == []


def test_alembics_options_stand_before_and_after(blog: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The section and the arguments reach env.py as they do from Alembic."""
    ini = (blog.path / "alembic.ini").read_text()
    (blog.path / "alembic.ini").rename(blog.path / "other.ini")
    (blog.path / "other.ini").write_text(ini.replace("[alembic]", "[second]"))
    blog.write_env(f"from alembic import context\nassert context.get_x_argument() == ['a=1', '-b']\n{ENV}")
    before = ("-c", "other.ini", "-n", "second", "-x", "a=1", "-x", "-b")
    assert kept_tables(run(*before, *LIST)) == 2
    assert kept_tables(run(*LIST, *before)) == 2
    assert kept_tables(run(*before[2:], *LIST, ALEMBIC_CONFIG="other.ini")) == 2


def test_several_databases(blog: Workplace, second: Engine) -> None:
    """As the multidb template has them: each is asked, and told apart."""
    urls = [engine.url.render_as_string(hide_password=False) for engine in (blog.engine, second)]
    blog.write_env(
        "from alembic import context\nfrom sqlalchemy import NullPool, create_engine\n"
        f"for url in {urls!r}:\n"
        "    with create_engine(url, poolclass=NullPool).connect() as connection:\n"
        "        context.configure(connection=connection)\n"
        f"        {BEGUN}\n            context.run_migrations()\n"
    )
    with second.begin() as connection:
        connection.execute(text("CREATE TABLE users (id integer PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE posts (id integer PRIMARY KEY, user_id integer)"))
        connection.execute(text("INSERT INTO users VALUES (1)"))
        connection.execute(text("INSERT INTO posts VALUES (7, 5)"))
    blog.execute("INSERT INTO posts VALUES (50, 5, NULL)")
    blog.migrate("two", cleaned())
    databases = [blog.engine.url.database, second.url.database]
    assert [table["database"] for table in blog.json("list")] == [databases[0]] * 3 + [databases[1]]
    listed = blog.run("list").stdout
    assert [line for line in listed.splitlines() if line.startswith("Database")] == [
        f"Database {name}" for name in databases
    ]
    result = blog.run("purge", "two", "--yes")
    assert result.stdout.endswith("Purged 1 row.\n")
    result = blog.run("erase", "comments", "--key", "id=200", "--yes")
    assert result.stdout.endswith("Erased 1 row.\n")
    result = blog.run("restore", "one", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.fixture
def second(engine: Engine) -> Engine:
    """An engine on a second empty database of the same server."""
    name = f"{engine.url.database}_second"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    return create_engine(engine.url.set(database=name), poolclass=NullPool)


def failure(*arguments: str) -> str:
    """What a command says that could not run: one line, without a traceback."""
    result = run(*(arguments or ("quarantine", "list")))
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("error: ").removesuffix("\n")


def test_no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most likely the command was run in another directory."""
    monkeypatch.chdir(tmp_path)
    assert failure() == "There is no alembic.ini here. Name the configuration by -c."
    assert failure("-c", "a.ini", "quarantine", "list") == "There is no a.ini here. Name the configuration by -c."


def test_an_incomplete_configuration(workplace: Workplace) -> None:
    """Alembic's own words."""
    (workplace.path / "alembic.ini").write_text("[alembic]\n")
    assert "script_location" in failure()
    (workplace.path / "alembic.ini").write_text("no section\n")
    assert "no section headers" in failure()


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("postgresql+psycopg://nobody@127.0.0.1:1/nothing", "refused"),
        ("postgresql+psycopg2://nobody@127.0.0.1:1/nothing", "refused"),
        ("postgresql+nothing://nobody@127.0.0.1:1/nothing", "nothing"),
        ("no url", "Could not parse SQLAlchemy URL"),
    ],
)
def test_a_database_that_is_not_there(workplace: Workplace, address: str, problem: str) -> None:
    """The driver's words, in one line."""
    (workplace.path / "alembic.ini").write_text(INI.format(url=address))
    assert problem in failure()


def test_a_database_that_is_not_there_asynchronously(workplace: Workplace) -> None:
    """The driver asyncpg raises errors of the operating system."""
    CommandLine(prog="alembic").main(["-c", "other.ini", "init", "--template", "async", "other"])
    ini = workplace.path / "other.ini"
    url = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"
    ini.write_text(ini.read_text().replace("driver://user:pass@localhost/dbname", url))
    assert failure("-c", "other.ini", "quarantine", "list").startswith("env.py could not be run: ")


def test_another_database(workplace: Workplace) -> None:
    """The quarantine is one of PostgreSQL."""
    (workplace.path / "alembic.ini").write_text(INI.format(url="sqlite://"))
    assert failure() == "The quarantine can't be done on sqlite. It is kept by PostgreSQL alone."


def test_an_env_py_that_fails(workplace: Workplace) -> None:
    """It is the project's own, which Alembic could not run either."""
    workplace.write_env("import nothing_of_that_name")
    assert failure() == "env.py could not be run: ModuleNotFoundError: No module named 'nothing_of_that_name'"


@pytest.mark.parametrize("status", ["'the vault is closed'", "0", "1"])
def test_an_env_py_that_exits(workplace: Workplace, status: str) -> None:
    """Its status is not the command's, which would tell of findings, or that there are none."""
    workplace.write_env(f"raise SystemExit({status})")
    assert failure() == f"env.py could not be run: it exits with {status}."


def test_an_env_py_that_runs_nothing(workplace: Workplace) -> None:
    """A quarantine that nobody looked at is not an empty one."""
    workplace.write_env("")
    assert "run_migrations() did not" in failure()


def test_scripts_that_can_not_be_read(blog: Workplace) -> None:
    """Which revisions are known can't be said then."""
    script = blog.path / "migrations" / "versions" / "1.py"
    script.write_text(script.read_text().replace("None", "'zero'", 1))
    with pytest.warns(UserWarning, match="zero"):
        assert "zero" in failure()


def test_a_role_without_the_right_to_look(blog: Workplace, engine: Engine) -> None:
    """The quarantine is its owner's alone; whoever may not read it does not find it empty."""
    blog.execute(
        "DROP ROLE IF EXISTS cascade_guest",
        "CREATE ROLE cascade_guest",
        "GRANT SELECT ON alembic_version TO cascade_guest",
    )
    blog.write_env(
        ENV.replace(
            "    context.configure", "    connection.exec_driver_sql('SET ROLE cascade_guest')\n    context.configure"
        )
    )
    try:
        assert failure() == "permission denied for schema alembic_cascade."
    finally:
        blog.execute("DROP OWNED BY cascade_guest", "DROP ROLE cascade_guest")


def test_rows_hidden_by_row_security_are_an_error(blog: Workplace) -> None:
    """Nobody is told that nothing is left of a person whose rows he can't see."""
    blog.execute(
        "DROP ROLE IF EXISTS cascade_guest",
        "CREATE ROLE cascade_guest",
        "GRANT SELECT ON alembic_version TO cascade_guest",
        "GRANT USAGE ON SCHEMA alembic_cascade TO cascade_guest",
        "GRANT SELECT ON ALL TABLES IN SCHEMA alembic_cascade TO cascade_guest",
        "ALTER TABLE alembic_cascade.one_public_comments ENABLE ROW LEVEL SECURITY",
    )
    blog.write_env(
        ENV.replace(
            "    context.configure", "    connection.exec_driver_sql('SET ROLE cascade_guest')\n    context.configure"
        )
    )
    try:
        assert "row-level security" in failure()
    finally:
        blog.execute("DROP OWNED BY cascade_guest", "DROP ROLE cascade_guest")


def test_our_own_faults_keep_their_traceback(blog: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are to be reported, with all that is known of them."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("alembic_cascade.cli.quarantine.holdings", broken)
    with pytest.raises(ZeroDivisionError):
        run("quarantine", "list")
