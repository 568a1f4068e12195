"""Arguments of wrong kinds, and SQL that is not what it is to be: refused by name, with nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from concurrently.settled_posts import block

from alembic_cascade import ConfigError, LifecycleRefused
from lifecycle.channels import moment, tables
from lifecycle.test_trigger_drift import state
from lifecycle.whole import whole

if TYPE_CHECKING:
    from project import Project

FROM = "set_from='messages.sent_at'"
WRONG: dict[str, tuple[str, str]] = {
    "expression=sa.text('now()')": ("backfill", "expression: must be an SQL expression as text"),
    "expression=sa.func.now()": ("backfill", "expression: must be an SQL expression as text"),
    "expression=5": ("backfill", "expression: must be an SQL expression as text, not 5"),
    "expression=b'now()'": ("backfill", "expression: must be an SQL expression as text"),
    "expression=['now()']": ("backfill", "expression: must be an SQL expression as text"),
    "expression=True": ("backfill", "expression: must be an SQL expression as text, not True"),
    "expression='now()', schema=5": ("backfill", "schema: must be the name of a schema, or None, not 5"),
    "expression='now()', schema=''": ("backfill", "schema: must be the name of a schema, or None, not ''"),
    "expression='now()', nullable=None": ("backfill", "nullable: must be True or False, not None"),
    "expression='now()', existing_nullable=1": ("backfill", "existing_nullable: must be True or False, not 1"),
    "expression='now()', if_exists='yes'": ("backfill", "if_exists: must be True or False, not 'yes'"),
    "expression='now()', concurrently=1": ("backfill", "concurrently: must be True or False, not 1"),
    "expression='now()', batch_size='x'": ("backfill", "batch_size: must be"),
    "expression='now()', batch_size=1.5": ("backfill", "batch_size: must be"),
    "expression='now()', batch_size=True": ("backfill", "batch_size: must be"),
    "expression='now()', batch_pause='x'": ("backfill", "batch_pause: must be"),
    "expression='now()', batch_pause=float('nan')": ("backfill", "batch_pause: must be"),
    "expression='now()', local_cols=['id']": ("backfill", "local_cols: is about set_from"),
    "expression='now()', source_schema='a'": ("backfill", "source_schema: is about set_from"),
    f"{FROM}, local_cols=5, remote_cols=['id']": ("both", "local_cols: must be a list of column names, not 5"),
    f"{FROM}, local_cols='channel_id', remote_cols=['id']": ("both", "local_cols: must be a list of column names"),
    f"{FROM}, local_cols=[1], remote_cols=['id']": ("both", "local_cols: must be a list of column names, not [1]"),
    f"{FROM}, local_cols={{'channel_id'}}, remote_cols=['id']": ("both", "local_cols: must be a list of column names"),
    f"{FROM}, local_cols=['channel_id'], remote_cols=5": ("both", "remote_cols: must be a list of column names, not 5"),
    f"{FROM}, local_cols=['channel_id'], remote_cols=['id', 'title']": ("both", "remote_cols: has 2 columns, local_cols has 1"),
    f"{FROM}, local_cols=['channel_id'], remote_cols=['id'], source_schema=5": ("both", "source_schema: must be the name of a schema"),
    f"{FROM}, local_cols=[], remote_cols=[]": ("both", "local_cols: must be a list of column names"),
    "set_from=5, local_cols=['a'], remote_cols=['id']": ("both", "set_from: must be 'child_table.column'"),
    "set_from=b'a.b', local_cols=['a'], remote_cols=['id']": ("both", "set_from: must be 'child_table.column'"),
    "set_from=['a'], local_cols=['a'], remote_cols=['id']": ("both", "set_from: must be 'child_table.column'"),
    "set_from=['a', 5], local_cols=['a'], remote_cols=['id']": ("both", "set_from: must be 'child_table.column'"),
    "set_from='a.b.c', local_cols=['a'], remote_cols=['id']": ("both", "set_from: must be 'child_table.column'"),
    "set_from='a.', local_cols=['a'], remote_cols=['id']": ("both", "set_from: must be 'child_table.column'"),
    "set_on='update', schema=5": ("trigger", "schema: must be the name of a schema, or None, not 5"),
    "set_on='update', schema=['a']": ("trigger", "schema: must be the name of a schema, or None"),
    "set_on='update', security=None": ("trigger", "security: must be 'invoker' or 'definer', not None"),
    "set_on='update', if_exists=1": ("trigger", "if_exists: must be True or False, not 1"),
    "set_on='update', definition=[5]": ("trigger", "definition: must be a list of statements, not [5]"),
    "set_on='update', definition={'a'}": ("trigger", "definition: must be a list of statements"),
    "set_on=['update']": ("trigger", "set_on: must be 'update'"),
    "set_on='update', lock_timeout=True": ("trigger", "lock_timeout: must be a duration"),
}  # fmt: skip
OPERATIONS = {
    "backfill": ("backfill_lifecycle_column",),
    "trigger": ("create_lifecycle_trigger", "drop_lifecycle_trigger"),
    "both": ("backfill_lifecycle_column", "create_lifecycle_trigger", "drop_lifecycle_trigger"),
}
CALLS = {
    f"op.{operation}('channels', 'title', {arguments})": problem
    for arguments, (kind, problem) in WRONG.items()
    for operation in OPERATIONS[kind]
} | {
    f"op.{operation}({first}, {more})": problem
    for first, problem in {
        "5, 'a'": "table_name: must be the name of a table, not 5", "None, 'a'": "table_name: must be the name",
        "b'users', 'a'": "table_name: must be the name", "'users', None": "column_name: must be the name of a column, not None",
        "'users', ''": "column_name: must be the name of a column, not ''", "'users', 5": "column_name: must be the name of a column",
    }.items()
    for operation, more in {
        "backfill_lifecycle_column": "expression='now()'", "create_lifecycle_trigger": "set_on='update'",
        "drop_lifecycle_trigger": "set_on='update'",
    }.items()
}  # fmt: skip


def test_arguments_of_wrong_kinds_are_named(project: Project) -> None:
    """All in one project: none of them comes as far as the database."""
    project.create(tables())
    before = state(project)
    for number, (operation, problem) in enumerate(CALLS.items()):
        # A name of its own: within one second, Python takes a file of the same size for the same.
        revision = project.path / "versions" / f"a{number}.py"
        revision.write_text(
            "from alembic import op\nimport sqlalchemy as sa\nrevision = 'a'\ndown_revision = None\n"
            f"def upgrade():\n    {operation}\ndef downgrade():\n    pass\n"
        )
        with pytest.raises(ConfigError) as refused:
            project.upgrade()
        assert problem in str(refused.value), operation
        assert refused.value.field == problem.partition(":")[0]
        revision.unlink()
    assert state(project) == before


GOOD: dict[str, tuple[str, str]] = {
    "a day": ("'2020-01-01'", "at = '2020-01-01'"),
    "infinity": ("'infinity'", "at = 'infinity'"),
    "a typed literal": ("timestamptz '2020-01-01'", "at = '2020-01-01'"),
    "a column": ("opened", "at = opened"),
    "a comment at its end": ("opened -- as it was", "at = opened"),
    "several lines": ("opened\n-- as it was\n", "at = opened"),
    "another comment": ("/* as it was */ opened", "at = opened"),
    "a query": ("(SELECT max(sent_at) FROM messages WHERE channel_id = parent.id)", "at = '2021-01-01'"),
    "signs of formats": ("opened + (':x' = '%s')::int * interval '1 day'", "at = opened"),
    "a backslash": ("to_timestamp('2020\\01', 'YYYY\\MM')", "at IS NOT NULL"),
    "what has a comma": ("coalesce(NULL, opened, now())", "at = opened"),
}  # fmt: skip


def started(project: Project) -> None:
    """A channel with the day it was opened on, another one, and an empty column."""
    project.create(tables())
    project.execute(
        "ALTER TABLE channels ADD opened timestamptz, ADD at timestamptz",
        "INSERT INTO channels VALUES (1, 'a', '2019-01-01')",
        "INSERT INTO messages VALUES (1, 1, '2021-01-01')",
    )


def backfill(expression: str, *, concurrently: bool, more: str = "") -> str:
    """The operation, in either form."""
    operation = f"op.backfill_lifecycle_column('channels', 'at', expression={expression!r}{more}"
    return block(f"{operation}, concurrently=True)") if concurrently else f"{operation})"


@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize(("expression", "is_right"), GOOD.values(), ids=GOOD)
def test_an_expression_is_any_that_sql_has(
    project: Project, expression: str, is_right: str, concurrently: bool
) -> None:
    """A literal takes the column's type, a comment ends with its line."""
    started(project)
    project.write_revision(backfill(expression, concurrently=concurrently, more=", nullable=False"))
    project.upgrade()
    assert moment(project, is_right, "channels")


BAD: dict[str, str] = {
    "an end of the statement": "now()); drop table messages; --",
    "an end of the condition": "now()) where true; drop table messages; --",
    "a statement more": "now(); drop table messages",
    "a column more": "now(), 'x'",
    "a parenthesis that is open": "now(",
    "a comment that is open": "now() /* x",
    "an unknown column": "nope",
    "a sum of rows": "max(opened)",
    "a number": "5",
    "a parameter": "$1",
    "a set": "generate_series(1, 2)",
    "a window": "row_number() over ()",
    "a change": "(with x as (delete from messages returning sent_at) select sent_at from x)",
    "rows": "(select sent_at from messages union all select now())",
    "no number": "now() + interval '1 day' * (1 / 0)",
}


@pytest.mark.parametrize("concurrently", [False, True])
@pytest.mark.parametrize("expression", BAD.values(), ids=BAD)
def test_an_expression_that_is_none_changes_nothing(project: Project, expression: str, concurrently: bool) -> None:
    """Least of all where it tries to."""
    started(project)
    project.write_revision("pass")
    project.upgrade()
    before = whole(project, ["channels", "messages"])
    project.write_revision(backfill(expression, concurrently=concurrently))
    with pytest.raises(LifecycleRefused, match=r"channels\.at: ") as refused:
        project.upgrade()
    assert ("What was done before stays" if concurrently else "Nothing was changed") in str(refused.value)
    assert whole(project, ["channels", "messages"]) == before


DEFINITIONS: dict[str, str] = {
    "no trigger": "['select 1']",
    "an empty statement": "['']",
    "no SQL": "['nonsense']",
    "another trigger": (
        "['CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$', "
        "'CREATE TRIGGER mine BEFORE UPDATE ON channels FOR EACH ROW EXECUTE FUNCTION f()']"
    ),
    "an end": "['commit']",
    "the table itself": "['drop table channels cascade']",
}


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_definition_that_makes_no_such_trigger_is_refused(project: Project, definition: str) -> None:
    """What it made goes again."""
    started(project)
    before = whole(project, ["channels"])
    project.write_revision(f"op.create_lifecycle_trigger('channels', 'at', set_on='update', definition={definition})")
    with pytest.raises(LifecycleRefused) as refused:
        project.upgrade()
    assert "Nothing was changed" in str(refused.value)
    assert whole(project, ["channels"]) == before
