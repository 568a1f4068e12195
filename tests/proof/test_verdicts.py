"""What is broken, and why: keys that are not what is promised, and what happens below them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from models import models, reference
from sqlalchemy import Column, ForeignKeyConstraint, Integer, MetaData, Table, UniqueConstraint

from proof.proved import all_proofs, altered, execute, family, key_proof, not_proved

if TYPE_CHECKING:
    from sqlalchemy import Engine


BROKEN = {
    ("CASCADE", altered("")): (
        "gone",
        "refused",
        'the delete is refused: update or delete on table "parents" violates foreign key constraint '
        '"children_parent_id_fkey" on table "children" Key (id)=(N) is still referenced from table "children".',
    ),
    ("CASCADE", altered("ON DELETE SET NULL")): ("gone", "parent_id NULL", "the row gets parent_id NULL"),
    ("SET NULL", altered("ON DELETE CASCADE")): ("parent_id NULL", "gone", "the row is gone"),
    (None, altered("ON DELETE CASCADE")): ("refused", "gone", "the delete is not refused: the row is gone"),
    ("RESTRICT", altered("ON DELETE SET NULL")): (
        "refused",
        "parent_id NULL",
        "the delete is not refused: the row gets parent_id NULL",
    ),
    ("RESTRICT", altered("DEFERRABLE INITIALLY DEFERRED")): (
        "refused",
        "refused",
        "the database has ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED: the same in this delete, but not in others",
    ),
    (None, altered("DEFERRABLE INITIALLY DEFERRED")): (
        "refused",
        "refused",
        "the database has ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED: the same in this delete, but not in others",
    ),
    ("RESTRICT", altered("")): (
        "refused",
        "refused",
        "the database has ON DELETE NO ACTION: the same in this delete, but not in others",
    ),
    (None, altered("ON DELETE RESTRICT")): (
        "refused",
        "refused",
        "the database has ON DELETE RESTRICT: the same in this delete, but not in others",
    ),
    ("SET DEFAULT", altered("ON DELETE SET NULL")): (
        "parent_id NULL",
        "parent_id NULL",
        "the database has ON DELETE SET NULL: the same in this delete, but not in others",
    ),
    ("CASCADE", "ALTER TABLE children DROP CONSTRAINT children_parent_id_fkey"): (
        "gone",
        "stays",
        "an orphan is accepted on INSERT; an orphan is accepted on UPDATE; the row stays, and refers to nothing",
    ),
    ("CASCADE", "DROP TABLE children"): ("CASCADE", "nothing", "the database has no table children"),
    ("CASCADE", "ALTER TABLE children DROP COLUMN parent_id"): (
        "CASCADE",
        "nothing",
        "the table children has no column parent_id",
    ),
    ("SET NULL", "ALTER TABLE children ALTER parent_id SET NOT NULL"): (
        "parent_id NULL",
        "refused",
        'the delete is refused: null value in column "parent_id" of relation "children" violates not-null constraint '
        "Failing row contains (N, null).",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_promise_says_what_was_promised_and_what_happened(
    engine: Engine, case: tuple[str | None, str]
) -> None:
    """Who reads it has to know what to look at."""
    rule, statement = case
    found = key_proof(engine, family(ondelete=rule), statement)
    reason = re.sub(r"\d{4}", "N", str(found.reason))
    assert (found.outcome, found.promised, found.happened, reason) == ("broken", *BROKEN[case])


ALIKE = {
    "all columns listed": ("SET NULL", altered("ON DELETE SET NULL (parent_id)")),
    "a RESTRICT waits for nothing": ("RESTRICT", altered("ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED")),
    "nor does a CASCADE": ("CASCADE", altered("ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED")),
    "it could wait, but does not": (None, altered("DEFERRABLE")),
}  # fmt: skip


@pytest.mark.parametrize("case", ALIKE)
def test_definitions_that_do_the_same_on_delete_are_one(engine: Engine, case: str) -> None:
    """A key that is written otherwise, and does what is promised whenever a row is deleted, is no broken promise."""
    rule, statement = ALIKE[case]
    found = key_proof(engine, family(ondelete=rule), statement)
    assert (found.outcome, found.reason) == ("proved", None)


def test_a_refusal_at_commit_is_what_a_deferred_key_promises(engine: Engine) -> None:
    """Who may delete a parent before its children relies on that: a key that refuses at once is another one."""
    promised = {"deferrable": True, "initially": "DEFERRED"}
    assert key_proof(engine, family(**promised)).outcome == "proved"
    execute(engine, altered("DEFERRABLE"))
    (found,) = all_proofs(engine, family(**promised))
    assert (found.outcome, found.happened) == ("broken", "refused")
    assert found.reason == "the database has ON DELETE NO ACTION: the same in this delete, but not in others"


def test_a_reference_that_is_null_in_part(engine: Engine) -> None:
    """MATCH FULL refuses it, and MATCH SIMPLE takes it, which references that are NULL nowhere don't show."""
    metadata = MetaData()
    Table("parents", metadata, Column("a", Integer, primary_key=True), Column("b", Integer, primary_key=True))
    columns = (Column("id", Integer, primary_key=True), Column("a", Integer), Column("b", Integer))
    key = ForeignKeyConstraint(["a", "b"], ["parents.a", "parents.b"], name="k", ondelete="CASCADE", match="FULL")
    Table("children", metadata, *columns, key)
    assert key_proof(engine, metadata).outcome == "proved"
    simple = "ADD CONSTRAINT k FOREIGN KEY (a, b) REFERENCES parents ON DELETE CASCADE"
    execute(engine, f"ALTER TABLE children DROP CONSTRAINT k, {simple}")
    (found,) = all_proofs(engine, metadata)
    assert (found.outcome, found.happened) == ("broken", "gone")
    assert found.reason == "the database has MATCH SIMPLE, by which a reference that is NULL in part is accepted"


def test_orphans_of_a_key_that_is_not_valid(engine: Engine) -> None:
    """It keeps new ones out, and lets old ones be; where there is none, it does what it promises."""
    loose = altered("ON DELETE CASCADE NOT VALID")
    assert key_proof(engine, family(ondelete="CASCADE"), loose).outcome == "proved"
    execute(
        engine,
        "ALTER TABLE children DROP CONSTRAINT children_parent_id_fkey",
        "INSERT INTO children VALUES (1, 7)",
        "ALTER TABLE children ADD FOREIGN KEY (parent_id) REFERENCES parents ON DELETE CASCADE NOT VALID",
    )
    (found,) = all_proofs(engine, family(ondelete="CASCADE"))
    assert (found.outcome, found.reason) == ("broken", "it is NOT VALID, and there is an orphan: parent_id = 7")
    (found,) = all_proofs(engine, family(ondelete="CASCADE", postgresql_not_valid=True))
    assert found.outcome == "proved"


def test_what_happens_below_is_part_of_the_promise(engine: Engine) -> None:
    """A cascade that ends in a refusal, or leaves rows behind, is none; nearer keys are not to blame."""
    metadata = models(
        a=[],
        b=[reference("a_id", "a.id", ondelete="CASCADE")],
        c=[reference("b_id", "b.id", ondelete="CASCADE")],
    )
    metadata.create_all(engine)
    execute(
        engine,
        "ALTER TABLE c DROP CONSTRAINT c_b_id_fkey, ADD CONSTRAINT c_b_id_fkey FOREIGN KEY (b_id) REFERENCES b ON DELETE SET NULL",
    )
    found = all_proofs(engine, metadata)
    assert not_proved(found) == [
        ("b.a_id -> a.id", "broken", "gone", "below it, a row of c gets b_id NULL, not gone"),
        ("c.b_id -> b.id", "broken", "b_id NULL", "the row gets b_id NULL"),
    ]


def test_another_key_that_does_the_same_hides_nothing(engine: Engine) -> None:
    """The row goes anyway, by a key whose trigger fires first; that this one does not do its part is told all the same."""
    metadata = MetaData()
    Table(
        "tenants",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("plan", Integer, nullable=False),
        UniqueConstraint("id", "plan"),
    )
    Table(
        "tasks",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("tenant_id", Integer, nullable=False),
        Column("plan", Integer, nullable=False),
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"], ondelete="CASCADE", name="later"),
        ForeignKeyConstraint(["tenant_id", "plan"], ["tenants.id", "tenants.plan"], ondelete="CASCADE", name="first"),
    )
    metadata.create_all(engine)
    assert not_proved(all_proofs(engine, metadata)) == []
    execute(
        engine,
        "ALTER TABLE tasks DROP CONSTRAINT later",
        "ALTER TABLE tasks ADD CONSTRAINT later FOREIGN KEY (tenant_id) REFERENCES tenants ON DELETE NO ACTION",
    )
    assert not_proved(all_proofs(engine, metadata)) == [
        (
            "tasks.tenant_id -> tenants.id",
            "broken",
            "gone",
            "the database has ON DELETE NO ACTION, and the row fares so by another key alone",
        )
    ]


def test_what_refuses_in_a_later_round_is_not_put_in_the_way(engine: Engine) -> None:
    """PostgreSQL refuses to let a tenant go whose tasks go with its projects: that is the promise of the tasks' own key."""
    execute(
        engine,
        "CREATE TABLE tenants (id integer PRIMARY KEY)",
        "CREATE TABLE projects (tenant_id integer REFERENCES tenants ON DELETE CASCADE, id integer, PRIMARY KEY (tenant_id, id))",
        "CREATE TABLE tasks (id integer PRIMARY KEY, tenant_id integer NOT NULL REFERENCES tenants, project_id integer NOT NULL,"
        " FOREIGN KEY (tenant_id, project_id) REFERENCES projects ON DELETE CASCADE)",
    )
    assert not_proved(all_proofs(engine)) == []


def test_a_promise_that_contradicts_itself(engine: Engine) -> None:
    """MATCH FULL takes no reference that is NULL in part."""
    execute(
        engine,
        "CREATE TABLE parents (a integer, b integer, PRIMARY KEY (a, b))",
        "CREATE TABLE children (id integer PRIMARY KEY, a integer, b integer,"
        " FOREIGN KEY (a, b) REFERENCES parents MATCH FULL ON DELETE SET NULL (b))",
    )
    (found,) = all_proofs(engine)
    assert (found.outcome, found.promised, found.happened) == ("broken", "b NULL", "refused")
