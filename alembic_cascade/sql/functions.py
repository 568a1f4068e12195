"""Functions and queries that run on the server, out of the files in which they are written."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

END_OF_FUNCTION = "$cascade$;\n"


@cache
def read_functions(package: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The statements that make the functions of a package's files, in their order."""
    found: list[str] = []
    for name in names:
        text = files(package).joinpath("functions", f"{name}.sql").read_text(encoding="utf-8")
        # What executes a statement brings its own semicolon.
        found.extend(f"{part.strip()}\n{END_OF_FUNCTION[:-2]}" for part in text.split(END_OF_FUNCTION) if part.strip())
    return tuple(found)


@cache
def read_query(package: str, name: str) -> str:
    """A query of a package's files."""
    return files(package).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8").strip()
