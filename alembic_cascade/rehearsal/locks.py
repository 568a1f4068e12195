"""The locks of a session: those that a transaction holds on, and those that come and go without one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event
from time import monotonic

from sqlalchemy import Connection

from alembic_cascade.rehearsal.clock import Clock
from alembic_cascade.rehearsal.outcome import MODES, READING, Lock
from alembic_cascade.rehearsal.tally import Tally
from alembic_cascade.sql.quoting import verbatim

SECONDS_BETWEEN_LOOKS = 0.02

LOOK = """
SELECT pg_catalog.format('%I.%I', nspname, relname), mode FROM pg_catalog.pg_locks
JOIN pg_catalog.pg_class ON pg_class.oid = relation JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
WHERE pid = {pid} AND locktype = 'relation' AND granted AND relkind IN ('r', 'p', 'm')
    AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
"""


@dataclass
class _Held:
    mode: int
    since: float
    tally: Tally


class HeldLocks:
    """What the transaction holds, and which line took it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, list[_Held]] = {}

    def see(self, modes: Mapping[str, int], tally: Tally, since: float) -> None:
        """Note the strongest mode on each table just now; what is new was taken by that line, which began then."""
        now = self._clock.now()
        for table in [*self._held]:
            # A savepoint that is rolled back gives back what was taken after it.
            self._give_back(table, now, down_to=modes.get(table, -1))
        for table, mode in modes.items():
            stack = self._held.setdefault(table, [])
            if not stack or stack[-1].mode < mode:
                stack.append(_Held(mode, since, tally))

    def end(self) -> None:
        """The transaction is over."""
        now = self._clock.now()
        for table in [*self._held]:
            self._give_back(table, now, down_to=-1)

    def _give_back(self, table: str, now: float, *, down_to: int) -> None:
        stack = self._held[table]
        while stack and stack[-1].mode > down_to:
            held = stack.pop()
            held.tally.tables[table].note_lock(held.mode, now - held.since)
        if not stack:
            del self._held[table]


def seen_locks(connection: Connection, pid: int, over: Event) -> dict[str, Lock]:
    """Look at the locks of another session again and again until it is over: the strongest on each table, and how long.

    One that is given back between two looks is not seen.
    """
    query = verbatim(LOOK.format(pid=pid))
    since: dict[tuple[str, int], float] = {}
    longest: dict[tuple[str, int], float] = {}
    while True:
        now = monotonic()
        present = {(table, MODES.index(mode)) for table, mode in connection.execute(query) if mode in MODES}
        since = {lock: since.get(lock, now) for lock in present}
        for lock, begun in since.items():
            longest[lock] = max(longest.get(lock, 0.0), now - begun + SECONDS_BETWEEN_LOOKS)
        if over.wait(SECONDS_BETWEEN_LOOKS):
            break
    strongest: dict[str, Lock] = {}
    for (table, mode), seconds in longest.items():
        if mode > (strongest[table].mode if table in strongest else READING):
            strongest[table] = Lock(mode, seconds)
    return strongest
