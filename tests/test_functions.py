"""The functions on the server: those that a statement calls are made, and no others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from models import models, reference

from alembic_cascade import CascadeConfig, configure_options
from alembic_cascade.running import all_functions
from alembic_cascade.sql.functions import functions_called

if TYPE_CHECKING:
    from project import Project
    from sqlalchemy import Connection

MADE = re.compile(r"^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) pg_temp\.(\w+)", re.MULTILINE)
FUNCTIONS = (
    "-- Counts.\nCREATE OR REPLACE FUNCTION pg_temp.cascade_count(t oid) RETURNS int AS $$ SELECT pg_temp.cascade_rows(t) $$",
    "CREATE OR REPLACE FUNCTION pg_temp.cascade_rows(t oid) RETURNS int AS $$ SELECT pg_temp.cascade_count(t) $$",
    "CREATE OR REPLACE PROCEDURE pg_temp.cascade_do() AS $$ SELECT * FROM pg_temp.cascade_todo $$",
    "CREATE OR REPLACE FUNCTION pg_temp.cascade_do_all() RETURNS void AS $$ CALL pg_temp.cascade_do() $$",
)


def called(*statements: str) -> list[str]:
    """The names of those that are called."""
    return list(functions_called(statements, FUNCTIONS))


def test_what_is_called_in_turn_is_found_in_the_order_of_the_files() -> None:
    """A cycle ends, a longer name is another one, and a table of ours is none."""
    assert called("SELECT pg_temp.cascade_rows(1)") == ["cascade_count", "cascade_rows"]
    assert called("SELECT pg_temp.cascade_do_all()") == ["cascade_do", "cascade_do_all"]
    assert called("CALL pg_temp.cascade_try('SELECT pg_temp.cascade_do()')") == ["cascade_do"]
    assert called("SELECT pg_temp.cascade_todo, cascade_do()", "SELECT 1") == []


def test_each_function_of_ours_is_known_by_its_name() -> None:
    """Else it would be made never, or a name would have two meanings."""
    assert len(functions_called(all_functions(), all_functions())) == len(all_functions())


def test_a_script_has_each_function_that_it_calls_once_and_no_other(project: Project) -> None:
    """Two keys of an ordinary revision: nothing of what goes step by step."""
    before = models(users=[], posts=[reference("user_id", "users.id"), reference("editor_id", "users.id")])
    project.create(before)
    project.metadata = models(
        users=[],
        posts=[reference(name, "users.id", ondelete="CASCADE") for name in ("user_id", "editor_id")],
    )
    project.options = configure_options(CascadeConfig(trust_valid_keys=False))
    project.revision()
    script = project.upgrade_script()
    made = MADE.findall(script)
    assert len(made) == len(set(made))
    assert script.count("pg_temp.cascade_clean_orphans(\n") == 2 + 1, "two calls, and what is called"
    assert set(made) == functions_called(["SELECT pg_temp.cascade_clean_orphans()"], all_functions()).keys()
    assert "cascade_restore_orphans" not in made
    assert "cascade_repeat" not in made


def operate(connection: Connection, verb: str) -> None:
    """Clean or restore orphans of a key that has none."""
    operations: Any = Operations(MigrationContext.configure(connection))
    more = {"strategy": "quarantine"} if verb == "clean" else {}
    getattr(operations, f"{verb}_orphans")("posts", "users", ["user_id"], ["id"], revision="1", **more)


def test_a_session_gets_what_the_next_operation_lacks(project: Project) -> None:
    """Also after a transaction that was rolled back took what it had."""
    with project.engine.connect() as connection:
        names = "SELECT proname FROM pg_proc WHERE pronamespace = pg_my_temp_schema()"
        project.create(models(users=[], posts=[reference("user_id", "users.id")]))
        operate(connection, "clean")
        first = set(connection.exec_driver_sql(names).scalars())
        operate(connection, "restore")
        both = set(connection.exec_driver_sql(names).scalars())
        connection.rollback()
        assert first < both
        assert set(connection.exec_driver_sql(names).scalars()) == set()
        operate(connection, "restore")
        assert both - first < set(connection.exec_driver_sql(names).scalars()) < both
