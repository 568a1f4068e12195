"""The database at one moment of the story."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from storytelling import inspection


@dataclass(frozen=True)
class Snapshot:
    """All rows by a checksum of each table and by their digests, the schema, and what is set aside."""

    columns: dict[str, list[str]]
    digests: dict[str, frozenset[str]]
    checksums: dict[str, str]
    schema: inspection.Schema
    quarantine: list[inspection.SetAside]


def snapshot(engine: Engine, before: Snapshot | None = None) -> Snapshot:
    """The database as it is now; digests are of the columns that it had ``before``, for a new column is no new row."""
    with engine.connect() as connection:
        columns = inspection.columns(connection) if before is None else before.columns
        return Snapshot(
            columns,
            inspection.row_digests(connection, columns),
            inspection.checksums(connection),
            inspection.schema(connection),
            inspection.quarantine(connection),
        )
