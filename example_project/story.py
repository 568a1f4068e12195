"""The whole story of a drifted schema in one command: ``python story.py [name] [address of an empty database]``.

A database whose keys don't say what the models do, and some of whose rows have lost their parents; the revision that
autogenerate writes for it; up, down to where it began, up again; and, one by one, what its author wanted to hold in
the end. Exit 0 only if all of it held.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import URL, NullPool, create_engine, make_url, text
from storytelling.narrator import Narrator, StoryBroken
from storytelling.server import temporary_postgresql
from storytelling.stage import Stage

HERE = Path(__file__).resolve().parent
STORIES = ("collaboration", "boardrooms", "flows", "health", "tickets")
ALL = "all"
REPORT = ".html"


def run(story: str, url: URL, reports: Path) -> int:
    """Tell a story on an empty database; returns the exit code."""
    narrator = Narrator()
    # In a copy of the project, for a revision is written into it; without those that somebody wrote by hand.
    with TemporaryDirectory(prefix="cascade-story-") as directory:
        project = Path(directory).resolve() / story
        shutil.copytree(HERE / story, project, ignore=_left_out)
        engine = create_engine(url, poolclass=NullPool)
        os.environ["DATABASE_URL"] = url.render_as_string(hide_password=False)
        sys.path.insert(0, str(project))
        sys.dont_write_bytecode = True
        try:
            with _working_directory(project):
                import_module("chapters").tell(Stage(narrator, engine, project, reports / f"{story}{REPORT}"))
        except StoryBroken:
            print("The story can't go on.")
        finally:
            engine.dispose()
    return narrator.summary()


def _left_out(directory: str, names: list[str]) -> list[str]:
    if Path(directory).name == "versions":
        return [name for name in names if not name.startswith("0001_")]
    return [name for name in names if name == "__pycache__"]


@contextmanager
def _working_directory(project: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(project)
    try:
        yield
    finally:
        os.chdir(before)


def run_all(url: URL, reports: Path) -> int:
    """Tell each story in a process and a database of its own, beside the given one; returns the exit code."""
    codes = {}
    for story in STORIES:
        heading = f"The story of {story}"
        print(f"\n\n{heading}\n{'#' * len(heading)}", flush=True)
        with _database_of(story, url) as own:
            address = own.render_as_string(hide_password=False)
            command = [sys.executable, __file__, story, address, "--reports", str(reports)]
            codes[story] = subprocess.run(command, check=False).returncode  # noqa: S603 - this file
    print("\n\nAll stories\n===========\n")
    for story, code in codes.items():
        print(f"FAILED  {story}" if code else f"ok      {story}")
    return int(any(codes.values()))


@contextmanager
def _database_of(story: str, url: URL) -> Iterator[URL]:
    own = url.set(database=f"{url.database}_{story}")
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    name = engine.dialect.identifier_preparer.quote(str(own.database))
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield own
        finally:
            connection.execute(text(f"DROP DATABASE {name}"))


def main(arguments: list[str]) -> int:
    """Without an address, a PostgreSQL 18 is started for the occasion; returns the exit code."""
    parser = argparse.ArgumentParser(description="Tell the story of an example, on an empty database.")
    parser.add_argument("story", nargs="?", choices=(*STORIES, ALL), default=STORIES[0])
    parser.add_argument("url", nargs="?", type=make_url, metavar="postgresql+psycopg://...", help="an empty database")
    parser.add_argument("--reports", type=Path, metavar="DIR", help="keep the reports there")
    given = parser.parse_args(arguments)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    tell = run_all if given.story == ALL else partial(run, given.story)
    with TemporaryDirectory(prefix="cascade-reports-") as directory:
        reports = Path(directory) if given.reports is None else given.reports.resolve()
        reports.mkdir(parents=True, exist_ok=True)
        if given.url is not None:
            return tell(given.url, reports)
        with temporary_postgresql() as url:
            return tell(url, reports)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
