"""What is foreseen of a DELETE is what the DELETE does, on random tables, keys and rows."""

from __future__ import annotations

import os
from collections import Counter

from hypothesis import given, settings
from sqlalchemy import Engine

from impact.random_rows import Case, cases, foreseen, really

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "40"))


def test_the_prediction_is_what_happens(engine: Engine) -> None:
    """Row by row: those that are gone, those with other values, and whether the DELETE is refused."""
    drawn: Counter[str] = Counter()

    @settings(max_examples=EXAMPLES)
    @given(case=cases())
    def run(case: Case) -> None:
        drawn[check(engine, case)] += 1

    run()
    # Of which nothing can be said must be few.
    assert drawn["order"] < drawn.total() / 10
    assert min(drawn["done"], drawn["refused"]) > drawn.total() / 20, drawn


def check(engine: Engine, case: Case) -> str:
    """Compare the two, and say what became of it; nothing is deleted for good."""
    # Committed, for PostgreSQL looks closer at rows that its own transaction has written.
    with engine.begin() as connection:
        for statement in case.statements():
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        told, expected = foreseen(connection, case)
        found = really(connection, case)
    if any(key.unsure for key in told.keys):
        return "order"
    if any(key.blocked for key in told.keys):
        assert found is None
        return "refused"
    if found is None:
        assert any(key.perhaps_blocked for key in told.keys)
        return "order"
    assert found == expected
    assert {each.table.name: each.removed for each in told.tables if each.removed} == _by_table(found.gone)
    assert {each.table.name: each.changed for each in told.tables if each.changed} == _by_table(found.changed)
    return "done"


def _by_table(rows: frozenset[tuple[str, int]]) -> Counter[str]:
    return Counter(table for table, _ in rows)
