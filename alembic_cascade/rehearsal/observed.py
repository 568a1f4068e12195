"""All that a rehearsal saw, before it is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from alembic_cascade.foreign_keys import ForeignKey
from alembic_cascade.proof import Proof
from alembic_cascade.rehearsal.environments import Plan
from alembic_cascade.rehearsal.outcome import Phase
from alembic_cascade.rehearsal.rows import Kept, RowDifference, Step, row_differences
from alembic_cascade.rehearsal.running import Way
from alembic_cascade.rehearsal.schemas import exact_text
from alembic_cascade.rehearsal.sequences import SetBack
from alembic_cascade.rehearsal.states import Place, State


@dataclass
class Observed:
    """Filled in as the rehearsal goes on; what it did not come to is None."""

    plan: Plan
    start: State
    ways: list[Way] = field(default_factory=list)
    upgraded: State | None = None
    proofs: tuple[Proof, ...] | None = None
    wanted: Mapping[Place, ForeignKey] = field(default_factory=dict)
    downgraded: State | None = None
    differences: list[RowDifference] = field(default_factory=list)
    again: State | None = None
    set_back: tuple[SetBack, ...] = ()
    beyond: tuple[str, ...] = ()

    @property
    def phases(self) -> tuple[Phase, ...]:
        return tuple(way.phase() for way in self.ways)

    @property
    def is_verifiable(self) -> bool:
        """Whether the models are those of the upgraded database."""
        return self.plan.is_head and bool(self.plan.metadatas)


def changed_rows(connection: Connection, seen: Observed, kept: Iterable[Kept], step: Step) -> list[RowDifference]:
    """Which rows are not as they were at the start, of the tables whose checksums say that some are not."""
    assert seen.downgraded is not None
    before, after = seen.start.checksums, seen.downgraded.checksums
    changed = [one for one in kept if before[one.stored.name] != after.get(one.stored.name)]
    if changed:
        step("comparing rows")
    with exact_text(connection):
        return row_differences(connection, changed, before, seen.downgraded.tables)
