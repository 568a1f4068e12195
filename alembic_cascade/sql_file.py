"""A SQL file, such as pg_dump writes or somebody wrote by hand, run by psql on a server of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic_cascade.embedded import SUPERUSER, Server
from alembic_cascade.errors import CascadeError
from alembic_cascade.sql.quoting import quote_identifier

# The database that a file is run in, unless it connects to another one.
DATABASE = "compared"

# The database from which others are made and dropped: a file may be about every other one, even one called postgres.
MAINTENANCE = "template1"

# What a file may expect of the server that it was written for.
_MISSING = re.compile(r'(?P<kind>role|database) "(?P<name>.+)" does not exist')

_DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1"
_ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1"
_TABLES = """SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname !~ '^pg_' AND nspname <> 'information_schema'"""


@dataclass(frozen=True)
class _Failure:
    """The line in which the statement ends that failed, 0 where psql says none, and what was said."""

    line: int
    message: str


def load_sql_file(server: Server, file: Path) -> str:
    """Run the file, and return the name of the database that has its tables.

    Roles and databases that it names and does not make are made. It is run as any script is, and may be as bad.
    Errors: :exc:`.CascadeError` with the line for the first statement that fails, and where it fills several databases.
    """
    made: list[tuple[str, str]] = []
    with _read_again(file) as script:
        while (failure := _run(server, script, made)) is not None:
            missing = _MISSING.search(failure.message)
            if missing is None or (need := (missing["kind"], missing["name"])) in made:
                place = f", in the statement that ends in line {failure.line}" if failure.line else ""
                raise CascadeError(f"{file}{place}: {failure.message}")
            made.append(need)
    filled = [name for name in _ask(server, MAINTENANCE, _DATABASES) if _ask(server, name, _TABLES) != ["0"]]
    if len(filled) > 1:
        raise CascadeError(f"{file} fills several databases: {', '.join(filled)}. Give a file that fills one.")
    return filled[0] if filled else DATABASE


@contextmanager
def _read_again(file: Path) -> Iterator[Path]:
    """The file, or a copy of what can be read once and by this process alone, as a pipe and standard input."""
    if file.is_file() and not file.is_relative_to("/dev"):
        yield file
        return
    with TemporaryDirectory(prefix="cascade-file-") as directory:
        copy = Path(directory) / "piped.sql"
        with file.open("rb") as piped, copy.open("wb") as written:
            shutil.copyfileobj(piped, written)
        yield copy


def _run(server: Server, file: Path, needed: Sequence[tuple[str, str]]) -> _Failure | None:
    """Run the file on a server that has what is needed, and nothing of an earlier run."""
    for database in _ask(server, MAINTENANCE, _DATABASES):
        _ask(server, MAINTENANCE, f"DROP DATABASE {quote_identifier(database)} WITH (FORCE)")
    for role in _ask(server, MAINTENANCE, _ROLES):
        _ask(server, MAINTENANCE, f"DROP ROLE {quote_identifier(role)}")
    for kind, name in [("database", DATABASE), *needed]:
        _ask(server, MAINTENANCE, f"CREATE {kind} {quote_identifier(name)}")
    done = _psql(server, DATABASE, "--set=ON_ERROR_STOP=1", f"--file={file}")
    if done.returncode == 0:
        return None
    # Notices and warnings may come first: they stop nothing.
    found = re.search(
        rf"^psql:{re.escape(str(file))}:(?P<line>\d+): (?:(?:ERROR|FATAL|PANIC|error):\s+)(?P<message>.*)$",
        done.stderr,
        re.MULTILINE,
    )
    if found is None:
        # Of a dump in a format of its own, psql speaks on standard output.
        return _Failure(0, " ".join((done.stderr or done.stdout).split()))
    return _Failure(int(found["line"]), found["message"])


def _ask(server: Server, database: str, query: str) -> list[str]:
    done = _psql(server, database, "--tuples-only", "--no-align", f"--command={query}")
    if done.returncode:
        raise CascadeError(f"The embedded PostgreSQL refuses: {' '.join(done.stderr.split())}")
    return done.stdout.splitlines()


def _psql(server: Server, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What psql did."""
    return subprocess.run(  # noqa: S603 - the program is the wheel's own
        [
            server.programs / "psql",
            "--no-psqlrc",
            "--quiet",
            f"--host={server.host}",
            f"--username={SUPERUSER}",
            f"--dbname={database}",
            *arguments,
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
