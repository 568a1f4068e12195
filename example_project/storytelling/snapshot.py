"""The database at one moment of the story."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from storytelling import inspection


@dataclass(frozen=True)
class Snapshot:
    """All rows by their digests and by a checksum of each table, the schema, and what is set aside."""

    digests: dict[str, frozenset[str]]
    checksums: dict[str, str]
    schema: inspection.Schema
    quarantine: list[inspection.SetAside]


def snapshot(engine: Engine) -> Snapshot:
    """The database as it is now."""
    with engine.connect() as connection:
        return Snapshot(
            inspection.row_digests(connection),
            inspection.checksums(connection),
            inspection.schema(connection),
            inspection.quarantine(connection),
        )
