"""The schema of a database as it is in the catalogue, to be compared with what it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection, func, select

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.orphans.quarantine import EXACT
from alembic_cascade.sql.functions import read_query
from alembic_cascade.sql.quoting import quote_table, verbatim

# A definition by kind and name, as in ("column", "public.posts.user_id").
Schema: TypeAlias = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class SchemaDifference:
    """Something that is there in one state alone, or otherwise in the other."""

    kind: str
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        subject = f"{self.kind} {self.name}"
        if self.before is None:
            return f"{subject} is new"
        if self.after is None:
            return f"{subject} is gone"
        old, new = self.before.split("\n"), self.after.split("\n")
        was = ", ".join(line for line in old if line not in new) or "less"
        now = ", ".join(line for line in new if line not in old) or "less"
        return f"{subject} was {was}, and is {now}"


@contextmanager
def exact_text(connection: Connection) -> Iterator[None]:
    """Let the session write values and names in one way, and hide no rows, as long as nothing fails."""
    wanted = {**EXACT, "search_path": "", "row_security": "off"}
    before = connection.execute(select(*(func.current_setting(name) for name in wanted))).one()
    connection.execute(select(*(func.set_config(name, value, False) for name, value in wanted.items())))  # noqa: FBT003
    yield
    given = zip(wanted, before, strict=True)
    connection.execute(select(*(func.set_config(name, value, False) for name, value in given)))  # noqa: FBT003


def schema_of(connection: Connection, version_table: TableName) -> Schema:
    """What there is, but for extensions' own, the quarantine, and Alembic's table; call it under :func:`exact_text`."""
    query = verbatim(read_query("alembic_cascade.rehearsal", "schema"))
    found = {(kind, name): definition for kind, name, definition in connection.execute(query)}
    left_out = quote_table(*version_table)
    return {
        (kind, name): definition
        for (kind, name), definition in found.items()
        if name != left_out and not name.startswith(f"{left_out}.")
    }


def schema_differences(before: Schema, after: Schema) -> list[SchemaDifference]:
    """What is not as it was, in the order of kinds and names.

    Of a table that only one of them has, nothing else is told.
    """
    found = [
        SchemaDifference(*place, before.get(place), after.get(place))
        for place in sorted({*before, *after})
        if before.get(place) != after.get(place)
    ]
    tables = [each.name for each in found if each.kind == "table" and None in {each.before, each.after}]
    return [each for each in found if each.kind == "table" or not _is_part(each.name, tables)]


def _is_part(name: str, tables: Iterable[str]) -> bool:
    return any(name.startswith(f"{table}.") for table in tables)
