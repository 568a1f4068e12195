"""What is foreseen of a DELETE is what the DELETE does, on random tables, keys and rows."""

from __future__ import annotations

from hypothesis import event, given, settings
from sqlalchemy import Engine

from impact.random_rows import Case, cases, foreseen, really


@settings(max_examples=60)
@given(case=cases())
def test_the_prediction_is_what_happens(engine: Engine, case: Case) -> None:
    """Row by row: those that are gone, those with other values, and whether the DELETE is refused."""
    check(engine, case)


def check(engine: Engine, case: Case) -> None:
    """Compare the two, in a transaction of which nothing stays."""
    # Committed, for PostgreSQL looks closer at rows that its own transaction has written.
    with engine.begin() as connection:
        for statement in case.statements():
            connection.exec_driver_sql(statement)
    with engine.connect() as connection:
        told, expected = foreseen(connection, case)
        found = really(connection, case)
    unsure = sum(key.unsure for key in told.keys)
    if unsure:
        event("depends on the order of rows")
        return
    if any(key.blocked for key in told.keys):
        event("refused")
        assert found is None
        return
    if any(key.perhaps_blocked for key in told.keys) and found is None:
        event("refused perhaps")
        return
    event("done")
    assert found == expected
    removed = {table: sum(1 for row in found.gone if row[0] == table) for table, _ in found.gone}
    assert {each.table.name: each.removed for each in told.tables if each.removed} == removed
    changed = {table: sum(1 for row in found.changed if row[0] == table) for table, _ in found.changed}
    assert {each.table.name: each.changed for each in told.tables if each.changed} == changed
