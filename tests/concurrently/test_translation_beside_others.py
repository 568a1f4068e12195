"""References that are translated while others hold rows, change them, or are in the midst of a transaction."""

from __future__ import annotations

from contextlib import ExitStack
from threading import Timer
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from orphans.settling import rows, state

from alembic_cascade import ReferencesNotTranslatable
from concurrently.others import WAITING_FOR_A_ROW, Background, session, wait_until, waiting
from concurrently.translated_orders import (
    FILL,
    as_role,
    assert_nothing_is_left,
    before_each_translation,
    is_exchanged,
    translated,
)  # fmt: skip

if TYPE_CHECKING:
    from project import Project

TRANSLATED = ["(1,100)", "(2,200)", "(3,)", "(4,100)", "(5,4)"]


def test_rows_that_somebody_holds_are_translated_when_they_are_let_go(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """All that are left are held: one of them is waited for."""
    translated(project, *FILL)
    with session(project) as holder:

        def hold(call: int) -> None:
            if call == 1:
                holder.execute("SELECT FROM orders FOR UPDATE")
                Timer(0.8, holder.commit).start()

        before_each_translation(project, hold)
    assert "canceling statement due to lock timeout, try 1 of 12" in caplog.text
    assert rows(project)["orders"] == TRANSLATED
    assert_nothing_is_left(project)


def test_a_row_that_changes_all_the_time_is_translated(project: Project) -> None:
    """It is never any more where it was when it was listed."""
    translated(project, *FILL).execute("ALTER TABLE orders ADD changed int DEFAULT 0")

    def change(call: int) -> None:
        assert call < 20
        project.execute("UPDATE orders SET changed = changed + 1 WHERE id = 2")

    before_each_translation(project, change)
    assert project.fetch("SELECT customer, changed > 2 FROM orders WHERE id = 2") == [(200, True)]
    assert_nothing_is_left(project)


def test_a_parent_that_is_not_committed_yet_could_be_mistaken_as_well(project: Project) -> None:
    """It comes while the keys are to be exchanged, and every reference still means what it meant."""
    translated(project, *FILL)
    with session(project) as inserting:
        inserting.execute("INSERT INTO customers VALUES (100, 7)")
        inserting.execute("INSERT INTO orders VALUES (6, 100)")
        with Background(project.upgrade) as upgrade:
            wait_until(project, waiting("customers", "orders"))
            inserting.commit()
            start = state(project)
    (refused,) = upgrade.problems
    assert isinstance(refused, ReferencesNotTranslatable)
    assert state(project).rows == start.rows
    assert not is_exchanged(project)
    assert_nothing_is_left(project)


def test_a_parent_that_gets_its_number_at_last_keeps_its_orders(project: Project) -> None:
    """It is committed when no reference seems to be left, and the triggers are to go."""
    translated(project, *FILL, "INSERT INTO orders VALUES (6, 3)", ondelete="CASCADE")
    with session(project) as filling, ExitStack() as stack:

        def fill(call: int) -> None:
            if call == 1:
                filling.execute("UPDATE customers SET number = 300 WHERE number IS NULL")
                stack.enter_context(Background(commit))

        def commit() -> None:
            wait_until(project, waiting("customers", "orders"))
            filling.commit()

        before_each_translation(project, fill)
    assert rows(project)["orders"] == [*TRANSLATED, "(6,300)"]
    assert_nothing_is_left(project)


def test_batches_that_wait_for_parents_never_add_up_to_a_deadlock(project: Project) -> None:
    """Parents are held one after the other, and who holds the last one wants to write an order of it."""
    translated(project, "INSERT INTO customers SELECT n, n + 100 FROM generate_series(1, 9) AS n", "INSERT INTO orders SELECT n, n FROM generate_series(1, 9) AS n")  # fmt: skip
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(session(project)) for _ in range(3))

        def hold(call: int) -> None:
            if call == 1:
                for number, holder in enumerate((first, second, third), 1):
                    holder.execute("SELECT FROM customers WHERE id = %s FOR UPDATE", (number,))

        upgrade = stack.enter_context(Background(lambda: before_each_translation(project, hold)))
        wait_until(project, WAITING_FOR_A_ROW)
        Timer(0.4, first.commit).start()
        Timer(0.8, second.commit).start()
        started = monotonic()
        third.execute("UPDATE orders SET id = 33 WHERE id = 3")
        waited = monotonic() - started
        third.commit()
    assert upgrade.problems == []
    assert waited < 1
    assert "(33,103)" in rows(project)["orders"]


@pytest.mark.parametrize(("triggers", "locks"), [(False, set()), (True, {"ShareUpdateExclusiveLock", "ShareRowExclusiveLock"})], ids=["", "triggers"])  # fmt: skip
def test_an_owner_locks_a_table_only_to_switch_off_its_triggers(
    project: Project, triggers: bool, locks: set[str]
) -> None:
    """Where there are none, only the rows of a batch are locked, whatever the rights of the migration's role."""
    with as_role(project, ""):
        translated(project, *FILL)
        if triggers:
            project.execute(
                "CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$",
                "CREATE TRIGGER hear BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION hear()",
            )
        with session(project) as holder:

            def hold(call: int) -> None:
                if call == 1:
                    holder.execute("SELECT FROM orders FOR UPDATE")

            with Background(lambda: before_each_translation(project, hold)) as upgrade:
                wait_until(project, WAITING_FOR_A_ROW)
                held = {mode for (mode,) in project.fetch(f"SELECT mode FROM pg_locks WHERE locktype = 'relation' AND relation = 'orders'::regclass AND pid = ({WAITING_FOR_A_ROW})")}  # fmt: skip
                holder.commit()
        assert upgrade.problems == []
        assert "RowShareLock" in held
        assert held - {"AccessShareLock", "RowShareLock", "RowExclusiveLock"} == locks
        assert rows(project)["orders"] == TRANSLATED
