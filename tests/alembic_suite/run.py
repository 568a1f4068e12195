"""Alembic's own autogenerate suite with the plugin on: all of it on PostgreSQL and on SQLite.

The suite is part of the installed Alembic (``alembic.testing.suite``); what runs it stands in the sdist's
``tests`` folder, which is fetched for exactly the installed release.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

# What Alembic 1.20.1 has; SQLite passes over what it can't do, by the suite's own requirements.
EXPECTED = {"PostgreSQL": 116, "SQLite": 54}
HERE = Path(__file__).parent


def main() -> int:
    """0 where every test of the suite passed on both databases."""
    with TemporaryDirectory(prefix="cascade-suite-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        suite = fetch_suite(directory)
        sys.path.insert(0, str(HERE.parent))
        from conftest import start_embedded  # noqa: PLC0415

        host, stop = start_embedded(18, directory)
        try:
            prepare_database(host)
            url = f"postgresql+psycopg://postgres@/test?host={host}"
            held = [run(suite, "PostgreSQL", "--dburi", url), run(suite, "SQLite")]
        finally:
            stop()
    return 0 if all(held) else 1


def fetch_suite(directory: Path) -> Path:
    """The folder of the installed Alembic's sdist, without its own copy of the package."""
    release = version("alembic")
    command = ["pip", "download", "--quiet", "--no-deps", "--no-binary", "alembic"]
    subprocess.run(
        [sys.executable, "-m", *command, "--dest", str(directory), f"alembic=={release}"],
        check=True,
    )
    with tarfile.open(directory / f"alembic-{release}.tar.gz") as archive:
        # Python 3.11.4 and later can refuse what would land outside of the directory.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(directory, **safely)
    suite = directory / f"alembic-{release}"
    # Its conftest reads this one file by its path; everything else is to come from the installed package.
    bootstrap = (suite / "alembic/testing/plugin/bootstrap.py").read_text()
    for package in sorted((suite / "alembic").rglob("*.py"), reverse=True):
        package.unlink()
    (suite / "alembic/testing/plugin/bootstrap.py").write_text(bootstrap)
    (suite / "pyproject.toml").unlink()
    return suite


def prepare_database(host: str) -> None:
    """The database and the schema that the suite expects."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE test")
    with psycopg.connect(host=host, user="postgres", dbname="test", autocommit=True) as connection:
        connection.execute("CREATE SCHEMA test_schema")


def run(suite: Path, database: str, *options: str) -> bool:
    """Whether exactly the expected number of tests passed, and none failed."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-p", "plugin_on", "-p", "no:postgresql", "-p", "no:logging",
            "-p", "no:cacheprovider", "tests/test_suite.py", *options,
        ],
        cwd=suite,
        env={**os.environ, "PYTHONPATH": str(HERE)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    summary = done.stdout.strip().rpartition("\n")[2]
    passed = re.search(r"(\d+) passed", summary)
    held = done.returncode == 0 and passed is not None and int(passed.group(1)) == EXPECTED[database]
    print(f"{database}: {summary} (expected {EXPECTED[database]} passed)")
    if not held:
        print(done.stdout[-6000:], done.stderr[-2000:], sep="\n")
    return held


if __name__ == "__main__":
    sys.exit(main())
