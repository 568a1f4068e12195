"""Any drift of foreign keys on dirty data, settled while nobody is locked out, and taken back from any state."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from hypothesis import given, seed, settings
from orphans.reference_model import Refused
from orphans.test_random_orphans import EXAMPLES, SEED, model_of, rows_of, sorted_rows
from project import Project
from psql import ScriptFailed, run_script
from random_schemas import SCHEMA, Drift, drifts
from test_random_drift import _keys, _rule, _state, _without_partitions

import alembic_cascade
from alembic_cascade import CascadeConfig, configure_options

if TYPE_CHECKING:
    from pathlib import Path

    from orphans.reference_model import Model
    from project import Revision
    from sqlalchemy import URL

LEAST_SHARE = 0.02
CLASSES = {
    "dirty", "dirty self-reference", "composite", "self-referencing", "cyclic", "not valid", "partitioned child",
    "partitioned parent", "two schemas", "keyless", "repointed", "repointed within parent", "scripted", "doubled", "added",
    "ON DELETE CASCADE", "ON DELETE SET NULL", "ON DELETE SET DEFAULT", "refused", "settled", "two revisions", "concurrent",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_orphans_are_settled_concurrently_and_given_back(tmp_path: Path, url: URL) -> None:
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
    """Up: rows as the model has them, or refused as it says. Down, from there: all as it was."""
    project.options = {
        **configure_options(CascadeConfig(concurrently=True)),
        "include_schemas": True,
        "include_object": _without_partitions,
    }
    project.execute(
        "DROP SCHEMA IF EXISTS public CASCADE", f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
        "DROP SCHEMA IF EXISTS alembic_cascade CASCADE", "CREATE SCHEMA public", f"CREATE SCHEMA {SCHEMA}",
    )  # fmt: skip
    project.create(drift.metadata("before"))
    project.execute(*drift.statements())
    project.metadata = drift.metadata("after")
    start = state(project, drift)
    revisions = project.revisions()
    outcomes = {"two revisions"} if len(revisions) == 2 else set()
    outcomes |= {"concurrent"} if any("autocommit_block" in revision.text for revision in revisions) else set()
    expected = model_of(drift)
    refusal, whole = refusal_of(expected, revisions)
    if refusal is not None:
        with pytest.raises(ScriptFailed if drift.scripted else refusal):
            _up(project, drift)
        # An ordinary revision is refused as a whole, and is the first of two.
        assert rows_of(project, drift) == _rows(model_of(drift) if whole else expected, drift)
        command.stamp(project.config, "head")
        project.downgrade("base")
        assert state(project, drift) == start
        return outcomes | {"refused"}
    _up(project, drift)
    assert rows_of(project, drift) == _rows(expected, drift)
    project.check()
    with project.engine.connect() as connection:
        found, _ = _keys(connection)
    assert found == {(key.source.full_name, frozenset(key.pairs)): _rule(key) for key in drift.after}
    if drift.scripted:
        run_script(project.url, project.downgrade_script("head:base"))
    else:
        project.downgrade("base")
    assert state(project, drift) == start
    return outcomes | {"settled"}


def _up(project: Project, drift: Drift) -> None:
    if drift.scripted:
        run_script(project.url, project.upgrade_script())
    else:
        project.upgrade()


def state(project: Project, drift: Drift) -> tuple[Any, ...]:
    """Schema and rows; before release 18 PostgreSQL does not note on its clones that a key was validated."""
    schema, rows = _state(project, drift)
    clones = {
        entry: (*entry[:4], entry[4].replace(" NOT VALID", ""), *entry[5:]) for entry in schema if entry[3] == "(clone)"
    }
    return sorted((clones.get(entry, entry) for entry in schema), key=str), rows


def refusal_of(model: Model, revisions: list[Revision]) -> tuple[type[Exception] | None, bool]:
    """Let the model do what the revisions do; the class of the error by which one is refused, and whether it as a whole."""
    for revision in revisions:
        try:
            model.upgrade(revision.text)
        except Refused as refusal:
            return getattr(alembic_cascade, str(refusal)), "autocommit_block" not in revision.text
    return None, False


def _rows(expected: Model, drift: Drift) -> dict[str, list[Any]]:
    return {
        spec.full_name: sorted_rows(expected.rows[spec.full_name])
        for spec in drift.tables
        if spec.before and spec.after
    }
