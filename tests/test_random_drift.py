"""Any drift of foreign keys on clean data: found, brought in order, and taken back without a trace."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from project import Project, catalogue, rows
from psql import run_script
from random_schemas import SCHEMA, Drift, KeySpec, database_name, drifts
from sqlalchemy import text

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL, Connection

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "40"))
LEAST_SHARE = 0.02

CLASSES = {
    "composite", "self-referencing", "cyclic", "doubled", "partitioned child", "partitioned parent", "two schemas",
    "keyless", "not valid", "new table", "dropped table", "added", "removed", "repointed", "repointed within parent",
    "no drift", "ON DELETE None", "ON DELETE RESTRICT", "ON DELETE CASCADE", "ON DELETE SET NULL",
    "ON DELETE SET DEFAULT", "deferrable None", "deferrable True", "initially DEFERRED", "scripted",
}  # fmt: skip


# SQLAlchemy says so of every cycle, whoever asks for sorted tables.
@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_any_drift_is_found_and_reversed(tmp_path: Path, url: URL) -> None:
    """Not one class of schema is left to chance: each makes up its share of what was drawn."""
    drawn: Counter[str] = Counter()
    numbers = iter(range(10**6))

    @settings(max_examples=EXAMPLES)
    @given(drifts())
    def check(drift: Drift) -> None:
        drawn.update({"all", *drift.classes()})
        assert_reversed(Project(tmp_path / str(next(numbers)), url), drift)

    check()
    rare = {name: drawn[name] for name in CLASSES if drawn[name] < LEAST_SHARE * drawn["all"]}
    assert not rare, f"of {drawn['all']} drawn: {rare}"


def assert_reversed(project: Project, drift: Drift) -> None:
    """Up: as declared, no drift left, names kept. Down: schema and rows as at the start."""
    project.options = {"include_schemas": True, "include_object": _without_partitions}
    project.execute(
        "DROP SCHEMA IF EXISTS public CASCADE", f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
        "CREATE SCHEMA public", f"CREATE SCHEMA {SCHEMA}",
    )  # fmt: skip
    project.create(drift.metadata("before"))
    project.execute(*drift.statements())
    project.metadata = drift.metadata("after")
    start = _state(project, drift)

    revision = project.revision()
    assert not re.search(r"constraint\(None|foreign_key\(\s*None", revision.text)
    if "no drift" in drift.classes() and all(spec.before and spec.after for spec in drift.tables):
        assert (revision.upgrade, revision.downgrade) == ("pass\n", "pass\n")
    _run(project, drift, "upgrade")
    project.check()
    with project.engine.connect() as connection:
        found, names = _keys(connection)
    assert found == {(key.source.full_name, frozenset(key.pairs)): _rule(key) for key in drift.after}
    for key in drift.after:
        if key.place not in drift.doubled:
            assert names[key.source.full_name, frozenset(key.pairs)] == _expected_name(key, drift)
    _run(project, drift, "downgrade")
    assert _state(project, drift) == start


def _run(project: Project, drift: Drift, direction: str) -> None:
    """By Alembic, or by psql from the script that Alembic writes."""
    if not drift.scripted:
        getattr(project, direction)()
    elif direction == "upgrade":
        project.execute("DROP TABLE alembic_version")
        run_script(project.url, project.upgrade_script())
    else:
        run_script(project.url, project.downgrade_script("head:base"))


def _without_partitions(_object: object, name: str, type_: str, *_more: object) -> bool:
    return not (type_ == "table" and name.endswith("_part"))


def _state(project: Project, drift: Drift) -> tuple[Any, ...]:
    with project.engine.connect() as connection:
        return catalogue(connection), dict(rows(connection, drift.data_tables))


Found = dict[tuple[str, frozenset[tuple[str, str]]], tuple[Any, ...]]


def _keys(connection: Connection) -> tuple[Found, dict[tuple[str, frozenset[tuple[str, str]]], str]]:
    """The rules and the names of the keys in the database, read by other means than ours."""
    found: Found = {}
    names = {}
    for row in connection.execute(text(_KEYS)):
        identity = (row.child, frozenset(zip(row.local, row.remote, strict=True)))
        assert identity not in found
        names[identity] = row.conname
        found[identity] = (
            row.parent, row.confdeltype, frozenset(row.cleared or ()), row.confupdtype, row.confmatchtype,
            row.condeferrable, row.condeferred, row.convalidated,
        )  # fmt: skip
    return found, names


_KEYS = """
SELECT conrelid::regclass::text AS child, confrelid::regclass::text AS parent, conname, confdeltype, confupdtype,
    confmatchtype, condeferrable, condeferred, convalidated,
    ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY k (n, o) JOIN pg_attribute
        ON attrelid = conrelid AND attnum = n ORDER BY o) AS local,
    ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY k (n, o) JOIN pg_attribute
        ON attrelid = confrelid AND attnum = n ORDER BY o) AS remote,
    ARRAY(SELECT attname::text FROM unnest(confdelsetcols) k (n) JOIN pg_attribute
        ON attrelid = conrelid AND attnum = n) AS cleared
FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
"""


def _rule(key: KeySpec) -> tuple[Any, ...]:
    codes = {"NO ACTION": "a", "RESTRICT": "r", "CASCADE": "c", "SET NULL": "n", "SET DEFAULT": "d"}
    action, _, cleared = (key.ondelete or "NO ACTION").partition(" (")
    return (
        key.parent.full_name, codes[action], frozenset([cleared.rstrip(")")] if cleared else []),
        codes[key.onupdate or "NO ACTION"], "f" if key.match else "s",
        bool(key.deferrable), key.initially == "DEFERRED", True,
    )  # fmt: skip


def _expected_name(key: KeySpec, drift: Drift) -> str:
    """The model's where it has one and the key is made anew, else the one that the database has or would give."""
    was = next((key_before for key_before in drift.before if key_before.place == key.place), None)
    if was is None:
        return database_name(key)
    unchanged = replace(was, name=None, reordered=False) == replace(key, name=None, reordered=False)
    if unchanged and key.place not in drift.not_valid:
        return database_name(was)
    return key.name or database_name(was)
