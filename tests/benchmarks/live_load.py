"""The longest wait of readers and writers while a key changes under them: ours, plain Alembic's, and without either."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep, time

import alembic
from load import RATE, READERS, WRITERS, Load, Measured, Tables
from sqlalchemy import URL, NullPool, create_engine, make_url

ROWS = int(os.environ.get("BENCH_ROWS", "5_000_000"))
PARENTS = ROWS // 5
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
CONTROL, PLAIN, OURS = "no migration", "plain Alembic", "alembic_cascade"
# Run in this order: the control lasts as long as ours did, and this long at least.
WAYS = (PLAIN, OURS, CONTROL)
LEAST_SECONDS = 10.0
# What is asked of ours: the longest wait is so many times shorter than plain Alembic's, and so little above the control's.
LEAST_RATIO = 20
MOST_MILLISECONDS = 50

SETUP = (
    "CREATE TABLE users (id bigint PRIMARY KEY, posts integer NOT NULL DEFAULT 0)",
    f"INSERT INTO users SELECT generate_series(1, {PARENTS})",
    "CREATE TABLE people (id bigint PRIMARY KEY, posts integer NOT NULL DEFAULT 0)",
    "INSERT INTO people SELECT id FROM users",
    "CREATE TABLE posts (id bigint PRIMARY KEY, user_id bigint, title text, created_at timestamptz)",
    f"""INSERT INTO posts SELECT number, 1 + number % {PARENTS}, rpad('title of ' || number, 34, '.'),
        timestamptz '2024-01-01 00:00+00' + number * interval '1 second'
        FROM generate_series(1, {ROWS}) AS number""",
    "CREATE INDEX posts_user_id_idx ON posts (user_id)",
    "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users",
    "VACUUM ANALYZE users",
    "VACUUM ANALYZE people",
    "VACUUM ANALYZE posts",
    # Who migrates is no superuser.
    "CREATE ROLE owner LOGIN",
    "GRANT CREATE ON SCHEMA public TO owner",
    "ALTER TABLE users OWNER TO owner",
    "ALTER TABLE people OWNER TO owner",
    "ALTER TABLE posts OWNER TO owner",
)

MODELS = """\
from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Index, Integer, MetaData, Table, Text

metadata = MetaData()
for name in ("users", "people"):
    Table(
        name, metadata, Column("id", BigInteger, primary_key=True),
        Column("posts", Integer, nullable=False, server_default="0"),
    )
Table(
    "posts", metadata, Column("id", BigInteger, primary_key=True), Column("user_id", BigInteger, {key}),
    Column("title", Text), Column("created_at", DateTime(timezone=True)), Index("posts_user_id_idx", "user_id"),
)
"""

INI = """\
[alembic]
script_location = %(here)s
prepend_sys_path = %(here)s
path_separator = os
"""

ENV = """\
import logging
import os

from alembic import context
from models import metadata
from sqlalchemy import NullPool, create_engine

from alembic_cascade import CascadeConfig, configure_options

logging.basicConfig(format="%(created)f\\t%(name)s\\t%(message)s", level=logging.INFO)
logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
options = configure_options(CascadeConfig(concurrently=True)) if {ours} else {{}}
with create_engine(os.environ["BENCH_URL"], poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, **options)
    with context.begin_transaction():
        context.run_migrations()
"""

PLAIN_REVISION = """\
from alembic import op

revision, down_revision = "plain", None

def upgrade():
    {steps}
"""

TEMPLATE = Path(alembic.__file__).parent / "templates" / "generic" / "script.py.mako"
KEYS = """SELECT confdeltype::text, convalidated, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conrelid = 'posts'::regclass"""


@dataclass(frozen=True)
class Case:
    """A change of the key, in the models and by hand; ``prepare`` makes the database as it is before."""

    name: str
    title: str
    key: str
    by_hand: tuple[str, ...]
    parents: tuple[str, ...] = ("users",)
    prepare: tuple[str, ...] = ()


NEW_KEY = 'op.create_foreign_key("{}", "posts", "{}", ["user_id"], ["id"], ondelete="CASCADE")'.format
DROP = 'op.drop_constraint("posts_user_id_fkey", "posts")'
CASES = (
    Case(
        "rule",
        "the rule of a key changes, NO ACTION to CASCADE",
        'ForeignKey("users.id", name="posts_user_id_fkey", ondelete="CASCADE")',
        (DROP, NEW_KEY("posts_user_id_fkey", "users")),
    ),
    Case(
        "new",
        "a new key on rows of which 1 % are orphans",
        'ForeignKey("users.id", name="posts_user_id_fkey", ondelete="CASCADE")',
        (
            'op.execute("DELETE FROM posts WHERE user_id IS NOT NULL '
            'AND NOT EXISTS (SELECT FROM users WHERE users.id = posts.user_id)")',
            NEW_KEY("posts_user_id_fkey", "users"),
        ),
        prepare=(
            "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey",
            "DELETE FROM users WHERE id % 100 = 0",
            "VACUUM ANALYZE users",
        ),
    ),
    Case(
        "repoint",
        "a key is made to refer to another table",
        'ForeignKey("people.id", name="posts_user_id_fkey", ondelete="CASCADE")',
        (NEW_KEY("posts_people_fkey", "people"), DROP),
        parents=("users", "people"),
    ),
)


@dataclass
class Bench:
    """The databases and the projects of all runs."""

    template: URL
    directory: Path

    @property
    def url(self) -> URL:
        """The copy that a run takes place in."""
        return self.template.set(database=f"{self.template.database}_copy")

    def run(self, case: Case, way: str, seconds: float) -> Measured:
        """Do it in a copy of the database, under the load."""
        copy = f"CREATE DATABASE {self.url.database} TEMPLATE {self.template.database} STRATEGY file_copy"
        execute(self.template.set(database="postgres"), copy)
        execute(self.url, f"GRANT CREATE ON DATABASE {self.url.database} TO owner", *case.prepare)
        if way == OURS and not (self.directory / case.name / OURS / "versions").exists():
            self._alembic(case, OURS, "revision", "--autogenerate", "-m", case.name)
        printed, refused = "", []
        url = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with Load(url, Tables(case.parents, PARENTS, ROWS)) as load:
            execute(self.url, "CHECKPOINT")
            started = time()
            if way == CONTROL:
                sleep(seconds)
            else:
                # In its order of locks plain Alembic can itself be the one that a deadlock ends.
                while way == PLAIN and "DeadlockDetected" in (printed := self._alembic(case, way, "upgrade", "head")):
                    refused.append("the migration itself: deadlock detected")
                printed = printed or self._alembic(case, way, "upgrade", "head")
            ended = time()
            # Those who waited for its last lock have their answers.
            sleep(0.5)
        if way != CONTROL:
            with create_engine(self.url, poolclass=NullPool).connect() as connection:
                keys = connection.exec_driver_sql(KEYS).all()
            assert keys == [("c", True, case.parents[-1])], keys
        execute(self.template.set(database="postgres"), f"DROP DATABASE {self.url.database}")
        steps = [(started, "start of the command"), *steps_of(printed), (ended, "")]
        return Measured(ended - started, load.between(started, ended), [*refused, *load.failures], steps)

    def _alembic(self, case: Case, way: str, *arguments: str) -> str:
        """Run the command in a process of its own; what it logged."""
        project = self.directory / case.name / way
        if not project.exists():
            (project / "versions").mkdir(parents=True)
            (project / "alembic.ini").write_text(INI)
            (project / "script.py.mako").write_text(TEMPLATE.read_text())
            (project / "env.py").write_text(ENV.format(ours=way == OURS))
            (project / "models.py").write_text(MODELS.format(key=case.key))
            if way == PLAIN:
                (project / "versions" / "plain.py").write_text(PLAIN_REVISION.format(steps="\n    ".join(case.by_hand)))
        command = [sys.executable, "-m", "alembic", "-c", str(project / "alembic.ini"), *arguments]
        address = {"BENCH_URL": self.url.set(username="owner").render_as_string(hide_password=False)}
        done = subprocess.run(command, env=os.environ | address, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or (way == PLAIN and "DeadlockDetected" in done.stderr), done.stderr
        return done.stderr


def steps_of(printed: str) -> list[tuple[float, str]]:
    """When the migration sent each statement, and what it said that the statement had done."""
    steps: list[tuple[float, str]] = []
    for at, name, message in re.findall(r"^(\d+\.\d+)\t(\S+)\t(.*)", printed, re.MULTILINE):
        if name == "alembic.cascade" and steps:
            steps[-1] = (steps[-1][0], f"{steps[-1][1]} ({message})")
        elif name.startswith("sqlalchemy") and not message.startswith("["):
            steps.append((float(at), "(functions)" if message.startswith("--") else step_of(message)))
    return steps


def step_of(statement: str) -> str:
    """The function that a statement calls, or how it begins."""
    called = re.findall(r"pg_temp\.(\w+)\(", statement)
    return called[-1] if called and statement.startswith("SELECT") else statement[:70]


def execute(url: URL, *statements: str) -> None:
    """Run SQL, each statement in a transaction of its own."""
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))


def compare(bench: Bench, case: Case) -> bool:
    """Measure all ways in turn, print the medians, and say whether ours is within the limits."""
    runs: dict[str, list[Measured]] = {way: [] for way in WAYS}
    for way in WAYS * ROUNDS:
        seconds = max(LEAST_SECONDS, runs[OURS][-1].seconds) if way == CONTROL else 0
        runs[way].append(bench.run(case, way, seconds))
    print(f"\n{case.title}; median of {ROUNDS} runs in turn (longest of them)")
    print(f"  {'':<16} {'longest read':>17} {'longest write':>17} {'p99.9':>17} {'migration':>10}")
    for way in reversed(WAYS):
        measured = runs[way]
        columns = [
            told([run.longest(writes=False) for run in measured]),
            told([run.longest(writes=True) for run in measured]),
            told([run.rare for run in measured]),
            "" if way == CONTROL else f"{statistics.median(run.seconds for run in measured):8.1f} s",
        ]
        print(f"  {way:<16} {' '.join(columns)}")
    plain, ours, control = (statistics.median(run.worst for run in runs[way]) for way in WAYS)
    ratio, excess = plain / ours, ours - control
    print(f"  longest wait: {ratio:.0f} times shorter than plain Alembic's   (limit {LEAST_RATIO} times)")
    print(f"                {excess:+.0f} ms against that without a migration   (limit {MOST_MILLISECONDS:+} ms)")
    for run in runs[OURS]:
        print(f"  longest of a run: {run.blamed()}")
    failures = {way: [words for run in measured for words in run.failures] for way, measured in runs.items()}
    for way, words in failures.items():
        print(f"  failed beside {way}: {'; '.join(words) or 'nothing'}")
    within = ratio >= LEAST_RATIO and excess <= MOST_MILLISECONDS and not failures[OURS]
    print(f"  {'within the limits' if within else 'NOT WITHIN THE LIMITS'}", flush=True)
    return within


def told(milliseconds: list[float]) -> str:
    """The median, and the longest of all."""
    return f"{statistics.median(milliseconds):6.0f} ({max(milliseconds):5.0f}) ms"


def main(url: str) -> int:
    """0 where all is within the limits."""
    template = make_url(url)
    execute(template, *SETUP)
    load = f"{READERS} readers and {WRITERS} writers with {RATE} transactions a second each"
    print(f"A key of {ROWS:,} rows changes under {load}")
    with TemporaryDirectory() as name:
        within = [compare(Bench(template, Path(name)), case) for case in CASES]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
