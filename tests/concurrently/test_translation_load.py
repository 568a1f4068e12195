"""Writers in terms of both columns, all the while that references are translated."""

from __future__ import annotations

from collections import Counter
from itertools import count
from random import Random
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from alembic_cascade import CascadeConfig, configure_options
from concurrently.others import Background, session
from concurrently.translated_orders import assert_nothing_is_left, is_exchanged

if TYPE_CHECKING:
    from typing import Self

    from project import Project


KEY = "'orders_customer_fkey', 'orders', 'customers', ['customer'], ['{to}'], ondelete='CASCADE', onupdate='CASCADE', concurrently=True"
STEPS = f"""\
op.begin_concurrently()
with op.get_context().autocommit_block():
    op.alter_foreign_key({KEY}, existing_remote_cols=['{{held}}'], not_valid=True, existing_not_valid=False, translate=True, batch_size=8, batch_pause=0.03)
    op.alter_foreign_key({KEY}, not_valid=False, existing_not_valid=True)
"""
# What is not as its writer meant it, or lost, or has come from nowhere.
WRONG = """
SELECT * FROM meant FULL JOIN (SELECT orders.id, code FROM orders LEFT JOIN customers ON customer = customers.{}) AS found USING (id)
WHERE meant.code IS DISTINCT FROM found.code
"""


class Writers:
    """Sessions that write orders and customers, and note in "meant" which customer's each order is to be."""

    _numbers = count(10_000)

    def __init__(self, project: Project, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.problems: list[BaseException] = []
        self._project = project
        self._over = Event()
        self._threads = [Thread(target=self._run, args=(Random(seed + n),), daemon=True) for n in range(3)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads)
        assert self.problems == []

    def _run(self, random: Random) -> None:
        with session(self._project) as connection:
            while not self._over.wait(0.002):
                try:
                    what = self._write(connection, random)
                    connection.commit()
                    self.done[what] += 1
                except psycopg.errors.ForeignKeyViolation:
                    connection.rollback()
                    self.done["refused"] += 1
                except psycopg.Error as problem:
                    self.problems.append(problem)
                    return

    def _write(self, connection: psycopg.Connection[Any], random: Random) -> str:
        """One transaction; values are never used again for somebody else."""
        fresh = next(self._numbers)
        found = connection.execute(
            "SELECT id, number, code FROM customers OFFSET %s LIMIT 1", (random.randrange(90),)
        ).fetchone()
        assert found is not None
        customer, code = dict(zip(("id", "number"), found[:2], strict=True)), found[2]
        style = random.choice(["id", "number"])
        match random.choices(["insert", "move", "delete", "renumber"], [40, 40, 1, 8])[0]:
            case "insert":
                connection.execute("INSERT INTO orders VALUES (%s, %s)", (fresh, customer[style]))
                connection.execute("INSERT INTO meant VALUES (%s, %s)", (fresh, code))
                return f"inserted by {style}"
            case "move":
                order = random.randrange(1, 161)
                connection.execute("UPDATE orders SET customer = %s WHERE id = %s", (customer[style], order))
                connection.execute("UPDATE meant SET code = %s WHERE id = %s", (code, order))
                return f"moved by {style}"
            case "delete":
                connection.execute("DELETE FROM customers WHERE code = %s", (code,))
                connection.execute("DELETE FROM meant WHERE code = %s", (code,))
                connection.execute("INSERT INTO customers VALUES (%s, %s, %s)", (fresh, fresh + 1_000_000, fresh))
                return "deleted"
        value = fresh + (1_000_000 if style == "number" else 0)
        connection.execute(f"UPDATE customers SET {style} = %s WHERE code = %s".encode(), (value, code))
        return f"renumbered {style}"


@pytest.mark.parametrize("seed", range(2))
def test_every_reference_means_what_its_writer_meant(project: Project, seed: int) -> None:
    """Inserts, moves, deletes and new numbers, in terms of both columns, while references are translated both ways."""
    project.execute(
        "CREATE TABLE customers (id int PRIMARY KEY, number int UNIQUE, code int UNIQUE)",
        "INSERT INTO customers SELECT n, n + 1000000, n FROM generate_series(1, 100) AS n",
        "CREATE TABLE orders (id int PRIMARY KEY, customer int CONSTRAINT orders_customer_fkey REFERENCES customers ON DELETE CASCADE ON UPDATE CASCADE)",
        "INSERT INTO orders SELECT n, n % 100 + 1 FROM generate_series(1, 160) AS n", "CREATE INDEX ON orders (customer)",
        "CREATE TABLE meant (id int PRIMARY KEY, code int)", "INSERT INTO meant SELECT id, customer FROM orders",
    )  # fmt: skip
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.write_revision(STEPS.format(held="id", to="number"), STEPS.format(held="number", to="id"))
    for run, column in ((project.upgrade, "number"), (lambda: project.downgrade("base"), "id")):
        with Background(run) as migration:
            wait_until_exchanged(project, column)
            with Writers(project, seed) as writers:
                migration.wait()
        assert migration.problems == []
        assert project.fetch(WRONG.format(column)) == []
        # What was written in terms of the column that is left was written halfway.
        assert (
            min(
                writers.done[f"{what} {style}"]
                for what in ("inserted by", "moved by", "renumbered")
                for style in ("id", "number")
            )
            > 0
        ), writers.done
        assert writers.done["deleted"] > 0
        assert_nothing_is_left(project)
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE contype = 'f'") == [(True,)]


def wait_until_exchanged(project: Project, column: str) -> None:
    limit = monotonic() + 20
    while not is_exchanged(project, column):
        assert monotonic() < limit
        sleep(0.01)
