"""Any schema with dirty data: what is counted is what the server would settle; what is settled comes back."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from project import Project
from random_schemas import SCHEMA, Drift, drifts
from sqlalchemy import Connection, text

from alembic_cascade import CascadeConfig, CascadeError
from alembic_cascade.audit.mapped import Mapped
from alembic_cascade.audit.subject import Subject
from alembic_cascade.orphans.links import links_of, whole_database
from alembic_cascade.orphans.looked import Looked, Status, Wanted
from alembic_cascade.orphans.looking import locate, look
from alembic_cascade.orphans.planning import Said, plans
from alembic_cascade.orphans.quarantine import restore_rows
from alembic_cascade.orphans.settling import Hands, foresee, new_revision, settle

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import URL

EXAMPLES = int(os.environ.get("TEST_EXAMPLES", "20"))


def counted(connection: Connection, project: Project) -> list[Looked]:
    """All keys of the models and of the database, valid ones as well."""
    subject = whole_database(connection, Subject((project.metadata,), Mapped(), dialect=connection.dialect))
    located = locate(connection, links_of(subject), subject)
    return look(connection, located, Wanted(samples=3, trusting=False), lambda _label: None)


def rows(connection: Connection) -> list[object]:
    """All rows of all tables outside of the quarantine."""
    tables = connection.scalars(
        text(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname IN ('public', :schema) ORDER BY 1"
        ),
        {"schema": SCHEMA},
    ).all()
    return [(table, sorted(map(repr, connection.execute(text(f"SELECT * FROM ONLY {table}"))))) for table in tables]


@pytest.mark.filterwarnings("ignore:Cannot correctly sort tables")
def test_what_is_counted_is_what_is_settled(tmp_path: Path, url: URL) -> None:
    """By the server's own functions, key by key; and all of it comes back."""
    drawn: Counter[str] = Counter()
    numbers = iter(range(10**6))

    @settings(max_examples=EXAMPLES)
    @given(drifts(dirty=True))
    def check(drift: Drift) -> None:
        drawn.update(assert_counted(Project(tmp_path / str(next(numbers)), url), drift))

    check()
    assert all(drawn[name] >= EXAMPLES / 10 for name in ("orphans", "foreseen", "restored")), drawn


def assert_counted(project: Project, drift: Drift) -> set[str]:
    """What happened on the way."""
    project.execute(
        "DROP SCHEMA IF EXISTS public CASCADE", f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
        "DROP SCHEMA IF EXISTS alembic_cascade CASCADE", "CREATE SCHEMA public", f"CREATE SCHEMA {SCHEMA}",
    )  # fmt: skip
    project.create(drift.metadata("before"))
    project.execute(*drift.statements())
    project.metadata = drift.metadata("after")
    outcomes = set()
    with project.engine.connect() as connection:
        hands = Hands(connection, CascadeConfig(), None)
        before = rows(connection)
        looked = counted(connection, project)
        assert {one.status for one in looked} <= {Status.COUNTED, Status.ABSENT}
        todo = plans(looked, hands.config, Said("quarantine", None))
        for plan, found in zip(todo, foresee(hands, todo, lambda _label: None), strict=True):
            outcomes |= {"orphans"} if plan.looked.orphans else set()
            assert len(plan.looked.samples) == min(plan.looked.orphans, 3)
            if found.refused is None:
                outcomes |= {"foreseen"} if found.effects else set()
                assert sum(effect.number for effect in found.effects if effect.orphans) == plan.looked.orphans
        assert rows(connection) == before
        revision = new_revision()
        try:
            settle(hands, [plan for plan in todo if plan.looked.orphans], revision, lambda _label: None)
        except CascadeError:
            connection.rollback()
            return {*outcomes, "refused"}
        told = restore_rows(connection, revision, None, ["alembic_cascade"])
        if all(level == "info" for level, _ in told):
            assert rows(connection) == before
            outcomes.add("restored")
        connection.rollback()
    return outcomes
