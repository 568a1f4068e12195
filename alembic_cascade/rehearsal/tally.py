"""What each line of the revisions has done, added up while they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from alembic_cascade.rehearsal.lines import Line
from alembic_cascade.rehearsal.outcome import Lock, Operation, TableUse


@dataclass
class TableTally:
    """What a line did to one table so far."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    quarantined: int = 0
    rewritten: bool = False
    lock: Lock | None = None

    def note_lock(self, mode: int, seconds: float) -> None:
        """The strongest counts, and the longest of its kind."""
        if self.lock is None or (mode, seconds) > (self.lock.mode, self.lock.seconds):
            self.lock = Lock(mode, seconds)


@dataclass
class Tally:
    """What a line has done so far."""

    revision: str
    line: Line
    runs: int = 0
    seconds: float = 0.0
    tables: dict[str, TableTally] = field(default_factory=lambda: defaultdict(TableTally))

    def operation(self) -> Operation:
        """The sum."""
        uses = tuple(TableUse(table, **vars(tally)) for table, tally in sorted(self.tables.items()))
        return Operation(self.revision, self.line.number, self.line.text, self.runs, self.seconds, uses)


class Tallies:
    """All lines, in the order in which they first ran."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, int], Tally] = {}

    def of(self, revision: str, line: Line) -> Tally:
        return self._tallies.setdefault((revision, line.number), Tally(revision, line))

    def operations(self) -> Iterable[Operation]:
        return (tally.operation() for tally in self._tallies.values())
