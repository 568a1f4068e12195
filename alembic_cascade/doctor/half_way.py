"""What was begun in the database and never ended: invalid indexes, and the traces of stopped concurrent revisions."""

from __future__ import annotations

from collections.abc import Iterator

from alembic_cascade.concurrently.turn import HOLDER_OF_TURN, key_of_turn
from alembic_cascade.doctor.examined import Examined
from alembic_cascade.doctor.outcome import Outcome, Problem, named, outcomes
from alembic_cascade.sql.preflight_queries import invalid_indexes_in_schema, left_half_way
from alembic_cascade.sql.quoting import verbatim

INDEXES = "indexes"
STOPPED = "stopped-revisions"


def indexes(examined: Examined) -> list[Outcome]:
    """Indexes that serve nobody, and cost each writer all the same.

    https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
    """
    return outcomes(INDEXES, _invalid(examined), "none is invalid")


def _invalid(examined: Examined) -> Iterator[Problem]:
    for schema in examined.schemas:
        for row in examined.connection.execute(invalid_indexes_in_schema(schema)):
            instead = (
                "A partition has none that belongs to it: CREATE INDEX CONCURRENTLY there, then "
                f"ALTER INDEX {row.quoted} ATTACH PARTITION."
                if row.partitioned
                else f"REINDEX INDEX CONCURRENTLY {row.quoted}; or DROP INDEX CONCURRENTLY {row.quoted};"
            )
            yield Problem(f"{row.index} on {row.table} is invalid: no query uses it, each writer keeps it", instead)


def stopped(examined: Examined) -> list[Outcome]:
    """Second keys, triggers that translate and half-built indexes of concurrent revisions."""
    return outcomes(STOPPED, _stopped(examined), "none has left anything")


def _stopped(examined: Examined) -> Iterator[Problem]:
    key = f"pg_catalog.hashtextextended({key_of_turn(examined.version_table)}, 0)"
    holder = examined.connection.scalar(verbatim(HOLDER_OF_TURN.format(key=key)))
    declared = [key.declared.name or "" for key in examined.subject.keys if key.declared is not None]
    left = [f"the {row.kind} {row.name} on {row.table}" for row in examined.connection.execute(left_half_way(declared))]
    if holder is not None:
        yield Problem(f"a migration is running: {holder}", "Wait for its end, then ask again.")
    elif left:
        yield Problem(
            f"a concurrent revision was stopped half-way: {named(left)}",
            "Run the alembic upgrade, or the downgrade, again: it goes on from where it was.",
        )
