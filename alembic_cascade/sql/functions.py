"""Functions and queries that run on the server, out of the files in which they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from sqlalchemy import Connection

from alembic_cascade.sql.quoting import dollar_quote, verbatim

END_OF_FUNCTION = "$cascade$;\n"

# The head of a function or procedure of ours, and a name that may be one's; a table of ours is named alike.
_MADE = re.compile(r"^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) pg_temp\.(cascade_\w+)", re.MULTILINE)
_NAMED = re.compile(r"\bpg_temp\.(cascade_\w+)")

# The names of those that a session has. A transaction that is rolled back takes them along.
_OF_SESSION = "SELECT proname FROM pg_catalog.pg_proc WHERE pronamespace = pg_catalog.pg_my_temp_schema()"


@cache
def read_functions(package: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """The statements that make the functions of a package's files, in their order."""
    found: list[str] = []
    for name in names:
        text = files(package).joinpath("functions", f"{name}.sql").read_text(encoding="utf-8")
        # What executes a statement brings its own semicolon.
        found.extend(f"{part.strip()}\n{END_OF_FUNCTION[:-2]}" for part in text.split(END_OF_FUNCTION) if part.strip())
    return tuple(found)


def functions_called(statements: Iterable[str], functions: tuple[str, ...]) -> dict[str, str]:
    """Those of the functions that the statements call and that these call in turn, by name, in their order."""
    made, calls = _named(functions), _calls(functions)
    called: set[str] = set()
    found = {name for statement in statements for name in _NAMED.findall(statement) if name in made}
    while found:
        called |= found
        found = {name for caller in found for name in calls[caller]} - called
    return {name: statement for name, statement in made.items() if name in called}


@cache
def _named(functions: tuple[str, ...]) -> Mapping[str, str]:
    return {name: statement for statement in functions for name in _MADE.findall(statement)}


@cache
def _calls(functions: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    """Which functions each of them names."""
    made = _named(functions)
    return {name: frozenset(made.keys() & set(_NAMED.findall(statement))) for name, statement in made.items()}


def make_in_session(connection: Connection, statements: Iterable[str], functions: tuple[str, ...]) -> None:
    """Make those of the functions that the statements call and the session has not yet."""
    made = set(connection.scalars(verbatim(_OF_SESSION)))
    called = functions_called(statements, functions)
    missing = [statement for name, statement in called.items() if name not in made]
    if missing:
        connection.execute(verbatim(in_one_statement(missing)))


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
