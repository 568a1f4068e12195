"""What a rehearsal saw, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from alembic_cascade.proof import Proof

# https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES, the weakest first.
MODES = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
MODE_NAMES = (
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
# What reading takes, and nobody but who wants to drop a table waits for.
READING = 0
# From here on, writers wait; the last stops readers, too.
STOPS_WRITERS = 4
STOPS_READERS = 7


class Verdict(Enum):
    """Whether to run it where it matters."""

    SAFE = "safe"
    NOTES = "safe with notes"
    UNSAFE = "unsafe"


@dataclass(frozen=True)
class Lock:
    """The strongest lock that an operation took on a table, and the seconds from then until it was given back."""

    mode: int
    seconds: float

    @property
    def name(self) -> str:
        return MODE_NAMES[self.mode]


@dataclass(frozen=True)
class TableUse:
    """What an operation did to a table; without a lock it had a stronger one from before."""

    table: str
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    quarantined: int = 0
    rewritten: bool = False
    lock: Lock | None = None

    @property
    def touched(self) -> int:
        """Rows of the table."""
        return self.inserted + self.updated + self.deleted


@dataclass(frozen=True)
class Operation:
    """A line of a revision, and what it did in all its ``runs``; seconds are those that the server took."""

    revision: str
    line: int
    text: str
    runs: int
    seconds: float
    uses: tuple[TableUse, ...] = ()

    @property
    def touched(self) -> int:
        return sum(use.touched for use in self.uses)

    @property
    def quarantined(self) -> int:
        return sum(use.quarantined for use in self.uses)


@dataclass(frozen=True)
class Failure:
    """What ended a phase; the revision is None where it was the commit."""

    revision: str | None
    problem: str


@dataclass(frozen=True)
class Phase:
    """One way through the revisions."""

    name: str
    seconds: float
    operations: tuple[Operation, ...]
    failure: Failure | None = None

    @property
    def quarantined(self) -> int:
        return sum(operation.quarantined for operation in self.operations)


@dataclass(frozen=True)
class Reason:
    """Why it is not simply safe: its kind, what it is about, what was seen, and what to do."""

    kind: str
    subject: str
    said: str
    advice: str
    is_note: bool = False


@dataclass(frozen=True)
class Rehearsal:
    """A rehearsal of revisions on a database.

    ``place`` is where it took place; ``proofs`` are None where nothing could be verified; ``tables`` and ``rows`` were
    compared.
    """

    database: str
    place: str
    revisions: tuple[str, ...]
    phases: tuple[Phase, ...]
    proofs: tuple[Proof, ...] | None
    tables: int
    rows: int
    reasons: tuple[Reason, ...]

    @property
    def verdict(self) -> Verdict:
        return verdict(self.reasons)


def verdict(reasons: Iterable[Reason]) -> Verdict:
    """What reasons come to."""
    levels = {reason.is_note for reason in reasons}
    if False in levels:
        return Verdict.UNSAFE
    return Verdict.NOTES if levels else Verdict.SAFE
