"""Any drift of foreign keys on dirty data: settled as the rules say, and given back to the last row."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from random import randrange
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, seed, settings
from project import Project, Revision
from psql import ScriptFailed
from random_schemas import ROWS, SCHEMA, SLOTS, Drift, database_name, drifts
from test_random_drift import _keys, _rule, _run, _state, _without_partitions

import alembic_cascade
from orphans.reference_model import Key, Model, Refused

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "40"))
# Of the first few, one whose examples are of every class; more of them are other ones in each run.
SEED = 0 if "TEST_EXAMPLES" not in os.environ else randrange(2**32)
LEAST_SHARE = 0.02
CLASSES = {
    "dirty", "dirty self-reference", "triggered", "default", "composite", "self-referencing", "cyclic", "not valid",
    "partitioned child", "partitioned parent", "two schemas", "keyless", "repointed", "repointed within parent", "scripted",
    "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE SET DEFAULT", "refused", "settled", "rows removed", "values changed",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_orphans_are_settled_as_the_rules_say_and_given_back(tmp_path: Path, url: URL) -> None:
    """Not one class of schema, nor of outcomes, is left to chance."""
    drawn: Counter[str] = Counter()
    numbers = iter(range(10**6))

    @seed(SEED)
    @settings(max_examples=EXAMPLES)
    @given(drifts(dirty=True))
    def check(drift: Drift) -> None:
        outcomes = assert_settled(Project(tmp_path / str(next(numbers)), url), drift)
        drawn.update({"all", *drift.classes(), *outcomes})

    check()
    rare = {name: drawn[name] for name in CLASSES if drawn[name] < LEAST_SHARE * drawn["all"]}
    assert not rare, f"of {drawn['all']} drawn: {rare}"


def assert_settled(project: Project, drift: Drift) -> set[str]:
    """Up: rows as the model has them, or refused as it says. Down: all as it was. Up again: as the first time."""
    project.options = {"include_schemas": True, "include_object": _without_partitions}
    project.execute(
        "DROP SCHEMA IF EXISTS public CASCADE", f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
        "DROP SCHEMA IF EXISTS alembic_cascade CASCADE", "CREATE SCHEMA public", f"CREATE SCHEMA {SCHEMA}",
    )  # fmt: skip
    project.create(drift.metadata("before"))
    project.execute(*drift.statements())
    project.metadata = drift.metadata("after")
    start = _state(project, drift)
    revision = project.revision()
    expected = model_of(drift)
    before = {table: len(rows) for table, rows in expected.rows.items()}
    refusal = refusal_of(expected, revision)
    if refusal is not None:
        with pytest.raises(ScriptFailed if drift.scripted else refusal):
            _run(project, drift, "upgrade")
        assert _state(project, drift) == start
        return {"refused"}
    _run(project, drift, "upgrade")
    assert rows_of(project, drift) == {
        spec.full_name: sorted_rows(expected.rows[spec.full_name])
        for spec in drift.tables
        if spec.before and spec.after
    }
    project.check()
    with project.engine.connect() as connection:
        found, _ = _keys(connection)
    assert found == {(key.source.full_name, frozenset(key.pairs)): _rule(key) for key in drift.after}
    upgraded = _state(project, drift)
    _run(project, drift, "downgrade")
    assert _state(project, drift) == start
    _run(project, drift, "upgrade")
    # Columns that triggers count in come out the same: what a trigger did to a row is taken back with the rest.
    assert _without_quarantine(_state(project, drift)) == _without_quarantine(upgraded)
    outcomes = {"settled"}
    outcomes |= {"rows removed"} if any(len(expected.rows[t]) < before[t] for t in before) else set()
    kept = project.fetch("SELECT 1 FROM pg_namespace WHERE nspname = 'alembic_cascade'")
    return outcomes | ({"values changed"} if kept and "rows removed" not in outcomes else set())


def refusal_of(model: Model, revision: Revision) -> type[Exception] | None:
    """Let the model do what the revision does; the class of the error by which it is refused."""
    try:
        model.upgrade(revision.text)
    except Refused as refusal:
        refused: type[Exception] = getattr(alembic_cascade, str(refusal))
        return refused
    return None


def model_of(drift: Drift) -> Model:
    """The database before the revision."""
    keys = []
    for key in drift.before:
        rule, _, listed = (key.ondelete or "NO ACTION").partition(" (")
        made = Key(
            key.source.full_name, key.parent.full_name, tuple(key.pairs), rule, tuple(filter(None, [listed.rstrip(")")])),
            key.match == "FULL", key.place not in drift.not_valid, database_name(key),
        )  # fmt: skip
        keys.append(made)
        if key.place in drift.doubled:
            spare_rule = drift.doubled[key.place] or "NO ACTION"
            keys.append(replace(made, rule=spare_rule, cleared=(), valid=True, name=f"spare_{key.slot}"))
    rows = {
        spec.full_name: [drift.row(spec, number) for number in range(ROWS)] if spec.after else []
        for spec in drift.tables
        if spec.before
    }
    return Model(rows, keys, {spec.full_name: {"r0": spec.default} for spec in drift.tables})


def rows_of(project: Project, drift: Drift) -> dict[str, list[Any]]:
    """The rows as the model knows them: without what triggers and PostgreSQL itself write."""
    names = ["id", "code", "a", "b", *(column for columns in SLOTS.values() for column in columns)]
    listed = ", ".join(names)
    with project.engine.connect() as connection:
        return {
            spec.full_name: sorted_rows(
                [
                    dict(zip(names, row, strict=True))
                    for row in connection.exec_driver_sql(f"SELECT {listed} FROM {spec.full_name}")
                ]
            )
            for spec in drift.tables
            if spec.before and spec.after
        }


def sorted_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: row["id"])


def _without_quarantine(state: tuple[Any, ...]) -> tuple[Any, ...]:
    schema, rows = state
    return [entry for entry in schema if entry[1] != "alembic_cascade"], rows


def test_the_model_refuses_what_it_does_not_know() -> None:
    """A model that passes over an operation on keys would agree with anything."""
    known = {name for name in vars(Model) if re.fullmatch(r"_[a-z_]+", name)}
    assert {"_clean_orphans", "_alter_foreign_key", "_create_foreign_key", "_translate_references"} <= known
