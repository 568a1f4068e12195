"""What happens only when a delete is committed, which no proof ever does: deferred triggers and deferred constraints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import number

from proof.proved import KEY, all_proofs, execute, family, key_proof
from proof.test_not_provable import REFUSE
from proof.test_relationships import DELETES, relationships
from proof.test_relationships import family as mapped_family

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine


def at_commit(function: str, event: str, table: str) -> str:
    return (
        f"CREATE CONSTRAINT TRIGGER t AFTER {event} ON {table} DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW EXECUTE FUNCTION {function}()"
    )


NOT_PROVABLE = {
    "no row can be deleted for good": (
        [REFUSE, at_commit("refuse", "DELETE", "parents")],
        "a row of parents that no other one refers to can't be deleted: not by hand",
    ),
    "a row that nobody could commit": (
        [REFUSE, at_commit("refuse", "INSERT OR DELETE", "children")],
        "a deferred trigger refuses the rows as they are made, before any delete: not by hand",
    ),
}


@pytest.mark.parametrize("case", NOT_PROVABLE)
def test_a_trigger_that_refuses_more_than_the_delete_is_not_provable(engine: Engine, case: str) -> None:
    """The key is not to blame for it, and nobody knows what it would have said to other rows."""
    statements, reason = NOT_PROVABLE[case]
    found = key_proof(engine, family(ondelete="CASCADE"), *statements)
    assert (found.outcome, found.happened, found.reason) == ("not provable", "", reason)


def test_a_delete_that_can_not_be_committed_is_a_broken_promise(engine: Engine) -> None:
    """A trigger that waits for the commit lets the cascade pass, and nobody will see the children gone."""
    found = key_proof(engine, family(ondelete="CASCADE"), REFUSE, at_commit("refuse", "DELETE", "children"))
    assert (found.outcome, found.happened) == ("broken", "refused")
    assert found.reason == "the delete is refused at commit: not by hand"


def test_one_trigger_that_is_left_out_takes_no_other_along(engine: Engine) -> None:
    """What refuses each INSERT says nothing of the delete; what the delete itself writes is refused all the same."""
    found = key_proof(
        engine,
        family(ondelete="CASCADE"),
        REFUSE,
        at_commit("refuse", "INSERT", "children"),
        "CREATE TABLE log (id integer)",
        "CREATE FUNCTION write_down() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN INSERT INTO log VALUES (OLD.id); RETURN NULL; END $$",
        "CREATE TRIGGER written AFTER DELETE ON children FOR EACH ROW EXECUTE FUNCTION write_down()",
        at_commit("refuse", "INSERT", "log").replace("TRIGGER t ", "TRIGGER u "),
    )
    assert (found.outcome, found.reason) == ("broken", "the delete is refused at commit: not by hand")


def test_what_a_deferred_trigger_makes_of_a_row_is_what_happened(engine: Engine) -> None:
    """SET NULL, and at the commit the row goes."""
    remove = (
        "CREATE FUNCTION remove() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN DELETE FROM children WHERE parent_id IS NULL; RETURN NULL; END $$"
    )
    found = key_proof(engine, family(ondelete="SET NULL"), remove, at_commit("remove", "UPDATE", "children"))
    assert (found.outcome, found.happened, found.reason) == ("broken", "gone", "the row is gone")


DEFERRED_AND_PROVED = {
    "the rows that are refused are gone": [
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN IF EXISTS (SELECT FROM children WHERE note IS NULL) THEN RAISE 'no note'; END IF; RETURN NULL; END $$",
        at_commit("note", "INSERT OR UPDATE OR DELETE", "children"),
    ],
    "an INSERT is refused, and the delete makes none": [REFUSE, at_commit("refuse", "INSERT", "children")],
    "what is made was there before": [
        "CREATE FUNCTION there() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP = 'INSERT' AND NOT EXISTS (SELECT FROM children WHERE id = NEW.id) THEN RAISE 'gone'; END IF;"
        " RETURN NULL; END $$",
        at_commit("there", "INSERT OR DELETE", "children"),
    ],
    "it is switched off": [
        REFUSE,
        at_commit("refuse", "DELETE", "children"),
        "ALTER TABLE children DISABLE TRIGGER t",
    ],
    "a table that has nothing to do with it": [
        "CREATE TABLE countries (id integer PRIMARY KEY)",
        "ALTER TABLE parents ADD country_id integer NOT NULL DEFAULT 1 REFERENCES countries",
        REFUSE,
        at_commit("refuse", "INSERT OR DELETE", "countries"),
    ],
}


@pytest.mark.parametrize("case", DEFERRED_AND_PROVED)
def test_deferred_triggers_that_let_the_delete_pass(engine: Engine, case: str) -> None:
    """What they have against rows that were made is no matter of the delete, as long as that can be told."""
    metadata = family(ondelete="CASCADE")
    metadata.tables["children"].append_column(number("note"))
    metadata.create_all(engine)
    execute(engine, *DEFERRED_AND_PROVED[case])
    found = {proof.subject: (proof.outcome, proof.reason) for proof in all_proofs(engine, metadata)}
    assert found[KEY] == ("proved", None)


def test_a_unique_constraint_that_waits_for_the_commit(engine: Engine) -> None:
    """The default is taken already: no such delete can be committed."""
    found = key_proof(
        engine,
        family(ondelete="SET DEFAULT"),
        "ALTER TABLE children ALTER parent_id SET DEFAULT 7, ADD UNIQUE (parent_id) DEFERRABLE INITIALLY DEFERRED",
        "INSERT INTO parents VALUES (7)",
        "INSERT INTO children VALUES (1, 7)",
    )
    assert (found.outcome, found.happened) == ("broken", "refused")
    assert "duplicate key value violates unique constraint" in str(found.reason)


WITH_ITS_PARENT = (
    "CREATE FUNCTION with_its_parent() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN IF EXISTS (SELECT FROM parents WHERE id = OLD.parent_id) THEN RAISE 'not alone'; END IF; RETURN NULL; END $$"
)


def test_a_session_has_all_its_statements_before_the_commit(tmp_path: Path, engine: Engine) -> None:
    """It deletes children before their parent: a trigger that waits sees both gone."""
    only_together = at_commit("with_its_parent", "DELETE", "children")
    (found,) = relationships(tmp_path, engine, mapped_family(DELETES), WITH_ITS_PARENT, only_together)
    assert (found.outcome, found.happened, found.reason) == ("proved", "gone", None)


def test_a_session_that_could_not_commit(tmp_path: Path, engine: Engine) -> None:
    """What is flushed is not yet done."""
    (found,) = relationships(
        tmp_path, engine, mapped_family(DELETES), REFUSE, at_commit("refuse", "DELETE", "children")
    )
    assert (found.outcome, found.happened) == ("broken", "refused")
    assert found.reason == "the delete is stopped at commit: not by hand"
