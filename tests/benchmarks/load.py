"""A steady load of short transactions from processes of their own, with the time that each statement took."""

from __future__ import annotations

import gc
import multiprocessing
import random
import statistics
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter, sleep, time
from typing import TYPE_CHECKING, Any, Self

import psycopg

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Event

READERS, WRITERS = 2, 2
# Transactions of one process in a second: all of them take about a quarter of one core.
RATE = 50
# Until plans are made, and pages are read.
WARM_UP = 3.0


@dataclass(frozen=True)
class Tables:
    """What there is to read and to write; parents with a number that 100 divides are left alone."""

    parents: tuple[str, ...]
    parent_rows: int
    child_rows: int


@dataclass(frozen=True)
class Wait:
    """How long one statement of the load took, and when it was sent."""

    sent: float
    seconds: float
    statement: str
    writes: bool


@dataclass
class Load:
    """Processes that go on at the same rate whatever happens, until the block ends; then ``waits`` are there."""

    url: str
    tables: Tables
    waits: list[Wait] = field(default_factory=list)
    # Those that failed, by what the server said.
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        spawn = multiprocessing.get_context("spawn")
        self._over: Event = spawn.Event()
        self._queue: SimpleQueue[Any] = spawn.SimpleQueue()
        self._processes: list[BaseProcess] = [
            spawn.Process(
                target=work,
                args=(self.url, self.tables, number, number >= READERS, self._over, self._queue),
                daemon=True,
            )
            for number in range(READERS + WRITERS)
        ]
        for process in self._processes:
            process.start()
        for _ in self._processes:
            self._queue.get()
        sleep(WARM_UP)
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for _ in self._processes:
            waits, failures = self._queue.get()
            self.waits.extend(waits)
            self.failures.extend(failures)
        for process in self._processes:
            process.join()

    def between(self, start: float, end: float) -> list[Wait]:
        """The statements that were under way at some time in between."""
        return [wait for wait in self.waits if wait.sent < end and wait.sent + wait.seconds > start]


@dataclass
class Measured:
    """One run under the load."""

    seconds: float
    waits: list[Wait]
    failures: list[str]
    # When the migration did what, with an entry at its end.
    steps: list[tuple[float, str]]

    def longest(self, *, writes: bool) -> float:
        """The longest wait of the readers or of the writers, in milliseconds."""
        return 1000 * max(wait.seconds for wait in self.waits if wait.writes == writes)

    @property
    def worst(self) -> float:
        """The longest wait of all, in milliseconds."""
        return max(self.longest(writes=False), self.longest(writes=True))

    @property
    def rare(self) -> float:
        """What one statement in a thousand waits longer than, in milliseconds."""
        return 1000 * statistics.quantiles((wait.seconds for wait in self.waits), n=1000, method="inclusive")[-1]

    def blamed(self) -> str:
        """What waited longest, and what the migration did for most of that time."""
        wait = max(self.waits, key=lambda wait: wait.seconds)
        overlaps = [
            (min(wait.sent + wait.seconds, until) - max(wait.sent, since), f"{step}, {until - since:.3f} s")
            for (since, step), (until, _) in pairwise(self.steps)
        ]
        return f"{1000 * wait.seconds:.0f} ms, {wait.statement}; meanwhile {max(overlaps, default=(0, 'nothing'))[1]}"


def work(
    url: str, tables: Tables, number: int, writes: bool, over: Event, queue: SimpleQueue[Any]
) -> None:  # in a process of its own
    """Do transactions at fixed times, those that are late at once; then hand over what was measured."""
    rng = random.Random(number)
    waits: list[Wait] = []
    failures: list[str] = []
    with psycopg.connect(url, prepare_threshold=1, autocommit=True) as connection:
        worker = _Worker(connection, tables, rng, number, waits)
        gc.disable()
        queue.put("ready")
        due = perf_counter() + rng.uniform(0, 1 / RATE)
        while not over.is_set():
            sleep(max(due - perf_counter(), 0))
            due += 1 / RATE
            try:
                worker.write() if writes else worker.read()
            except psycopg.Error as error:
                failures.append(str(error).partition("\n")[0])
                connection.execute("ROLLBACK")
    queue.put((waits, failures))


class _Worker:
    """What one process does."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        tables: Tables,
        rng: random.Random,
        number: int,
        waits: list[Wait],
    ) -> None:
        self._connection = connection
        self._tables = tables
        self._rng = rng
        # Rows of its own.
        self._next = tables.child_rows * (number + 1)
        self._inserted: list[int] = []
        self._waits = waits

    def read(self) -> None:
        """A parent and its children."""
        parent = self._parent()
        self._run(
            [
                (f"SELECT * FROM {self._rng.choice(self._tables.parents)} WHERE id = %s", parent),
                ("SELECT * FROM posts WHERE user_id = %s", parent),
            ],
            writes=False,
        )

    def write(self) -> None:
        """A new child and its parent, a change of any child, or the end of an own one."""
        match self._rng.randrange(3):
            case 0:
                self._next += 1
                self._inserted.append(self._next)
                parent = self._parent()
                statements = [
                    ("INSERT INTO posts (id, user_id, title) VALUES (%s, %s, 'new')", self._next, parent),
                    (f"UPDATE {self._tables.parents[0]} SET posts = posts + 1 WHERE id = %s", parent),
                ]
            case 1 if self._inserted:
                statements = [("DELETE FROM posts WHERE id = %s", self._inserted.pop(0))]
            case _:
                child = self._rng.randint(1, self._tables.child_rows)
                statements = [("UPDATE posts SET title = 'changed' WHERE id = %s", child)]
        self._run(statements, writes=True)

    def _parent(self) -> int:
        number = self._rng.randrange(1, self._tables.parent_rows)
        return number if number % 100 else number + 1

    def _run(self, statements: list[Any], *, writes: bool) -> None:
        for statement, *values in [("BEGIN",), *statements, ("COMMIT",)]:
            sent = perf_counter()
            at = time()
            try:
                self._connection.execute(statement, values or None)
            finally:
                self._waits.append(Wait(at, perf_counter() - sent, statement, writes))
