"""What is broken, what is not provable, and why: keys, rows and triggers that are not as they should be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from models import models, number, reference
from sqlalchemy import Column, ForeignKeyConstraint, Integer, MetaData, Table, UniqueConstraint, text

from alembic_cascade import CascadeConfig
from alembic_cascade.proof import proofs
from proof.proved import all_proofs, execute, not_proved, rows_of, told

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from alembic_cascade.proof import Proof

PARENT = "CREATE TABLE parents (id integer PRIMARY KEY)"
KEY = "children.parent_id -> parents.id"


def family(**rule: object) -> MetaData:
    """Parents and their children."""
    return models(parents=[], children=[reference("parent_id", "parents.id", **rule)])


def key_proof(engine: Engine, metadata: MetaData, *statements: str, config: CascadeConfig | None = None) -> Proof:
    """The proof of the one key of models, on the database that has their tables, changed by ``statements``."""
    metadata.create_all(engine)
    execute(engine, *statements)
    (found,) = all_proofs(engine, metadata, config=config)
    return found


def altered(rule: str) -> str:
    return (
        "ALTER TABLE children DROP CONSTRAINT children_parent_id_fkey,"
        f" ADD CONSTRAINT children_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES parents {rule}"
    )


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


REFUSE = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not by hand'; END $$"
SWALLOW = "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"


def trigger(function: str, event: str, table: str) -> str:
    return f"CREATE TRIGGER t BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"


NOT_PROVABLE = {
    "no row can be made": (
        [REFUSE, trigger("refuse", "INSERT", "children")],
        "no row of children can be made: not by hand; nor is there one to take",
    ),
    "rows are kept out": (
        [SWALLOW, trigger("swallow", "INSERT", "parents")],
        "no row of parents can be made: a trigger or a rule keeps rows out of parents; nor is there one to take",
    ),
    "no row can be deleted": (
        [REFUSE, trigger("refuse", "DELETE", "parents")],
        "a row of parents that no other one refers to can't be deleted: not by hand",
    ),
    "rows are kept": (
        [SWALLOW, trigger("swallow", "DELETE", "parents")],
        "a trigger or a rule keeps rows of parents from being deleted",
    ),
    "a condition that no value fulfils": (
        ["ALTER TABLE children ADD note text NOT NULL CHECK (md5(note) = '900150983cd24fb0d6963f7d28e17f72')"],
        "no row of children can be made: no values were found for children (note) that "
        "(md5(note) = '900150983cd24fb0d6963f7d28e17f72'::text) lets be; nor is there one to take",
    ),
    "no partition": (
        ["DROP TABLE children", "CREATE TABLE children (id integer, parent_id integer REFERENCES parents ON DELETE CASCADE) PARTITION BY RANGE (id)"],
        "no row of children can be made: children has no partition; nor is there one to take",
    ),
    "a type that nobody knows": (
        ["CREATE TYPE pair AS (a integer, b integer)", "ALTER TABLE children ADD both_ pair NOT NULL"],
        "no row of children can be made: no value is known for the type pair of children.both_; nor is there one to take",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOT_PROVABLE)
def test_what_can_not_be_tried_is_not_provable(engine: Engine, case: str) -> None:
    """And says why; it is never "proved"."""
    statements, reason = NOT_PROVABLE[case]
    found = key_proof(engine, family(ondelete="CASCADE"), *statements)
    assert (found.outcome, found.happened, found.reason) == ("not provable", "", reason)


def test_a_trigger_that_keeps_a_child_is_a_broken_promise(engine: Engine) -> None:
    """The cascade passes, and an orphan is left."""
    found = key_proof(engine, family(ondelete="CASCADE"), SWALLOW, trigger("swallow", "DELETE", "children"))
    assert (found.outcome, found.happened) == ("broken", "stays")
    assert found.reason == "the row stays, and refers to nothing"


TAKEN = {
    "a copy of a row": [
        "ALTER TABLE children ADD note text NOT NULL CHECK (md5(note) = '900150983cd24fb0d6963f7d28e17f72')",
        "INSERT INTO parents VALUES (1)",
        "INSERT INTO children VALUES (1, 1, 'abc')",
    ],
    "a row that gets the reference": [
        "INSERT INTO parents VALUES (1)",
        "INSERT INTO children VALUES (1, 1)",
        REFUSE,
        trigger("refuse", "INSERT", "children"),
    ],
    "a parent to which nobody refers": [
        "INSERT INTO parents VALUES (1), (2), (3), (4)",
        "INSERT INTO children VALUES (1, 1), (2, 2)",
        REFUSE,
        trigger("refuse", "INSERT", "parents"),
    ],
    "a value of a type that nobody knows": [
        "CREATE TYPE pair AS (a integer, b integer)",
        "ALTER TABLE children ADD both_ pair NOT NULL",
        "INSERT INTO parents VALUES (1)",
        "INSERT INTO children VALUES (1, 1, ROW(1, 2))",
    ],
}


@pytest.mark.parametrize("case", TAKEN)
def test_an_existing_row_is_taken_where_none_can_be_made(engine: Engine, case: str) -> None:
    """What is there has passed the constraint that nobody can guess; it is as it was afterwards."""
    metadata = family(ondelete="CASCADE")
    metadata.create_all(engine)
    execute(engine, *TAKEN[case])
    with engine.connect() as connection:
        before = rows_of(connection)
        found = list(proofs(connection, [metadata], config=CascadeConfig()))
        assert told(found) == [(KEY, "proved", "gone")], not_proved(found)
        assert rows_of(connection) == before


def test_a_key_that_is_not_enforced_promises_nothing(engine: Engine) -> None:
    """That is what the models say; a database that enforces it is not what they say."""
    metadata = family(ondelete="CASCADE", info={"alembic_cascade": {"enforced": False}})
    with engine.connect() as connection:
        newer = connection.dialect.server_version_info >= (18,)  # type: ignore[operator]
    if newer:
        found = key_proof(engine, metadata, altered("ON DELETE CASCADE NOT ENFORCED"))
        assert (found.outcome, found.promised, found.happened) == (
            "proved",
            "nothing, NOT ENFORCED",
            "nothing, NOT ENFORCED",
        )
        execute(engine, altered("ON DELETE CASCADE"))
    else:
        metadata.create_all(engine)
    (found,) = all_proofs(engine, metadata)
    assert found.outcome == ("broken" if newer else "proved")


def test_a_lock_that_is_not_to_be_had_is_not_provable(engine: Engine) -> None:
    """Somebody else's migration is no matter of the key."""
    family(ondelete="CASCADE").create_all(engine)
    with engine.begin() as other:
        other.execute(text("LOCK TABLE children IN ACCESS EXCLUSIVE MODE"))
        (found,) = all_proofs(engine, family(ondelete="CASCADE"), config=CascadeConfig(lock_timeout="50ms"))
    assert found.outcome == "not provable"
    assert "canceling statement due to lock timeout" in str(found.reason)


def test_rows_that_row_security_hides_are_no_proof(engine: Engine) -> None:
    """A row that nobody sees looks as if it were gone."""
    metadata = family(ondelete="CASCADE")
    metadata.create_all(engine)
    execute(
        engine,
        "ALTER TABLE children ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY hide ON children FOR SELECT USING (false)",
        "CREATE POLICY take ON children FOR INSERT WITH CHECK (true)",
        "CREATE ROLE verify_reader",
        "GRANT ALL ON parents, children TO verify_reader",
    )
    try:
        with engine.connect() as connection:
            connection.execute(text("SET ROLE verify_reader"))
            (found,) = proofs(connection, [metadata], config=CascadeConfig())
            connection.rollback()
    finally:
        execute(engine, "DROP OWNED BY verify_reader", "DROP ROLE verify_reader")
    assert found.outcome == "not provable"
    assert "row-level security" in str(found.reason)


def test_rights_that_are_missing_are_no_proof(engine: Engine) -> None:
    """Said with the table that it is about."""
    metadata = family(ondelete="CASCADE")
    metadata.create_all(engine)
    execute(engine, "CREATE ROLE verify_reader", "GRANT SELECT ON parents, children TO verify_reader")
    try:
        with engine.connect() as connection:
            connection.execute(text("SET ROLE verify_reader"))
            (found,) = proofs(connection, [metadata], config=CascadeConfig())
            connection.rollback()
    finally:
        execute(engine, "DROP OWNED BY verify_reader", "DROP ROLE verify_reader")
    assert found.outcome == "not provable"
    assert "permission denied for table parents" in str(found.reason)


def test_a_referent_that_the_models_lack(engine: Engine) -> None:
    """SQLAlchemy itself can't say what is referred to."""
    execute(engine, PARENT)
    metadata = models(children=[reference("parent_id", "parents.id"), number("note")])
    (found,) = all_proofs(engine, metadata)
    assert (found.subject, found.outcome) == (KEY, "not provable")
    assert "could not find table 'parents'" in str(found.reason)
