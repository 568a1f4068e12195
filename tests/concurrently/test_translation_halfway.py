"""What is written while references are translated, in terms of the old column or of the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from orphans.settling import rows

from alembic_cascade import LockNotAcquired
from alembic_cascade.concurrently import steps
from concurrently.others import Background, session, wait_until
from concurrently.translated_orders import FILL, assert_nothing_is_left, before_each_translation, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project


@pytest.fixture
def halfway(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A translation that had to stop: somebody holds order 1, and gives it back at the end of the test."""
    monkeypatch.setattr(steps, "TRIES", 2)
    # Half of it is how long a lock is waited for.
    project.execute(f"ALTER DATABASE \"{project.url.database}\" SET deadlock_timeout = '400ms'")
    translated(
        project, *FILL[:1], "INSERT INTO orders VALUES (1, 1), (2, 2), (3, 1)", ondelete="CASCADE", onupdate="CASCADE"
    )
    with (
        session(project) as holder,
        pytest.raises(LockNotAcquired, match=r"2 times over\. In the way: pid .* FOR UPDATE"),
    ):
        before_each_translation(project, lambda _: holder.execute("SELECT FROM orders WHERE id = 1 FOR UPDATE"))
    assert rows(project)["orders"] == ["(1,1)", "(2,200)", "(3,100)"]
    project.execute("INSERT INTO orders VALUES (7, 200)")
    yield project
    project.upgrade()
    project.check()
    assert_nothing_is_left(project)
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE conname = 'orders_customer_fkey'") == [(True,)]


# What is written halfway, and the orders to which it comes in the end.
WRITTEN = {
    "in terms of the id": ("INSERT INTO orders VALUES (8, 2)", ["(1,100)", "(2,200)", "(3,100)", "(7,200)", "(8,200)"]),
    "in terms of the number": ("INSERT INTO orders VALUES (8, 200)", ["(1,100)", "(2,200)", "(3,100)", "(7,200)", "(8,200)"]),
    "an order moves": ("UPDATE orders SET customer = 1 WHERE id = 7", ["(1,100)", "(2,200)", "(3,100)", "(7,100)"]),
    "an order is not moved": ("UPDATE orders SET id = 9 WHERE id = 1", ["(2,200)", "(3,100)", "(7,200)", "(9,100)"]),
    "a parent goes": ("DELETE FROM customers WHERE id = 1", ["(2,200)", "(7,200)"]),
    "a parent gets another number": ("UPDATE customers SET number = 101 WHERE id = 1", ["(1,101)", "(2,200)", "(3,101)", "(7,200)"]),
    "a parent gets another id": ("UPDATE customers SET id = 11 WHERE id = 1", ["(1,100)", "(2,200)", "(3,100)", "(7,200)"]),
    "a parent comes": ("INSERT INTO customers VALUES (5, 500); INSERT INTO orders VALUES (8, 5)", ["(1,100)", "(2,200)", "(3,100)", "(7,200)", "(8,500)"]),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "after"), WRITTEN.values(), ids=WRITTEN)
def test_what_is_written_halfway_means_what_its_writer_meant(
    halfway: Project, statement: str, after: list[str]
) -> None:
    """In terms of the old column, of the new one, or of the parent."""
    halfway.execute(*statement.split("; "))
    halfway.upgrade()
    assert rows(halfway)["orders"] == after


REFUSED = {
    "nobody": ("INSERT INTO orders VALUES (8, 77)", "23503"),
    "a parent without a number": ("INSERT INTO orders VALUES (8, 3)", "23503"),
    "a number that is an id": ("INSERT INTO customers VALUES (5, 2)", "23505"),
    "an id that is a number": ("UPDATE customers SET id = 200 WHERE id = 1", "23505"),
}


@pytest.mark.parametrize(("statement", "sqlstate"), REFUSED.values(), ids=REFUSED)
def test_what_could_mean_two_or_nobody_is_refused_halfway(halfway: Project, statement: str, sqlstate: str) -> None:
    """By the key, or because it would be ambiguous."""
    with pytest.raises(psycopg.errors.lookup(sqlstate)), session(halfway) as connection:
        connection.execute(statement.encode())


def test_a_writer_need_not_be_able_to_read_the_parent(halfway: Project) -> None:
    """Keys ask nobody for this right either."""
    halfway.execute("DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk", "GRANT INSERT ON orders TO clerk")
    halfway.execute("SET ROLE clerk", "INSERT INTO orders VALUES (8, 2)")
    assert "(8,200)" in rows(halfway)["orders"]
    halfway.execute("DROP OWNED BY clerk", "DROP ROLE clerk")


def test_two_parents_that_come_at_once_could_be_mistaken_as_well(halfway: Project) -> None:
    """The number of one is the id of the other, and neither session sees what the other has written."""
    with session(halfway) as one, session(halfway) as other, session(halfway) as unrelated:
        one.execute("INSERT INTO customers VALUES (50, 70)")
        # Who has no value in common with it need not wait.
        unrelated.execute("SET lock_timeout = '1s'")
        unrelated.execute("INSERT INTO customers VALUES (80, 90)")
        with Background(lambda: other.execute("INSERT INTO customers VALUES (60, 50)")) as inserting:
            wait_until(halfway, WAITING_FOR_AN_ADVISORY_LOCK)
            one.commit()
        (refused,) = inserting.problems
        assert isinstance(refused, psycopg.errors.UniqueViolation)


WAITING_FOR_AN_ADVISORY_LOCK = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'
"""
