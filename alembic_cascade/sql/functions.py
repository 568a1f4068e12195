"""Functions and queries that run on the server, out of the files in which they are written."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from alembic_cascade.sql.quoting import dollar_quote

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


def in_one_statement(functions: Iterable[str]) -> str:
    """What makes all of them by one statement, for a driver takes one at a time, and each is a round trip.

    That they are sound is not looked at again each time:
    https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-CHECK-FUNCTION-BODIES
    """
    check = "PERFORM pg_catalog.set_config('check_function_bodies', {}, true);\n".format
    return "DO " + dollar_quote(
        "DECLARE\n    as_before text := pg_catalog.current_setting('check_function_bodies');\nBEGIN\n"
        + check("'off'")
        + "".join(f"{function};\n" for function in functions)
        + check("as_before")
        + "END"
    )


@cache
def read_query(package: str, name: str) -> str:
    """A query of a package's files."""
    return files(package).joinpath("queries", f"{name}.sql").read_text(encoding="utf-8").strip()
