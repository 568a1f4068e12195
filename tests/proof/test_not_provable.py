"""What can't be proved is never "proved": triggers, locks, rights, row security, rows that can't be made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, number, reference
from sqlalchemy import text

from alembic_cascade import CascadeConfig
from alembic_cascade.proof import proofs
from proof.proved import KEY, PARENT, all_proofs, altered, execute, family, key_proof, not_proved, rows_of, told

if TYPE_CHECKING:
    from sqlalchemy import Engine


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
