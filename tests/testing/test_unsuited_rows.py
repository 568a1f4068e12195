"""Rows that are made up are no evidence against an upgrade that rightly refuses them."""

from __future__ import annotations

import re

from trial import Trial, outcomes, sections

MODELS = """\
from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, Table, Text

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True), Column("code", Integer))
Table(
    "posts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
)
"""


def test_an_upgrade_that_refuses_made_up_rows_is_tried_with_fewer(trial: Trial) -> None:
    """Text that is no number, and a key without a rule over what nobody ever checked; what is left out is told."""
    trial.write("models.py", MODELS)
    trial.revise(
        "tables",
        None,
        up="""\
        CREATE TABLE users (id serial PRIMARY KEY, code text)
        CREATE TABLE posts (id serial PRIMARY KEY, user_id integer)
        CREATE TABLE codes (code text NOT NULL)
        """,
        down="DROP TABLE codes, posts, users",
    )
    trial.revise(
        "numbers",
        "tables",
        up="ALTER TABLE users ALTER code TYPE integer USING code::integer",
        down="ALTER TABLE users ALTER code TYPE text",
    )
    trial.revise(
        "codes",
        "numbers",
        up="ALTER TABLE codes ALTER code TYPE integer USING code::integer",
        down="ALTER TABLE codes ALTER code TYPE text",
    )
    trial.revise(
        "keys",
        "codes",
        up="""\
        op.create_foreign_key("posts_user_id_fkey", "posts", "users", ["user_id"], ["id"])
        op.alter_column("posts", "user_id", nullable=False)
        op.create_index("ix_posts_user_id", "posts", ["user_id"])
        """,
        down="""\
        op.drop_index("ix_posts_user_id")
        op.alter_column("posts", "user_id", nullable=True)
        op.drop_constraint("posts_user_id_fkey", "posts")
        """,
    )
    trial.revise("loses", "keys", up="UPDATE users SET code = NULL")
    trial.revise("keeps", "loses", up="SELECT 1", down="SELECT 1")
    trial.write("pytest.ini", "[pytest]\nalembic_cascade_irreversible = loses keeps\n")
    result = trial.run_here("--alembic-cascade", "-v", "-krestores")
    assert outcomes(result) == {
        "alembic.ini::test_upgrade_downgrade_restores_data[tables]": "PASSED",
        "alembic.ini::test_upgrade_downgrade_restores_data[numbers]": "PASSED",
        "alembic.ini::test_upgrade_downgrade_restores_data[codes]": "PASSED",
        "alembic.ini::test_upgrade_downgrade_restores_data[keys]": "PASSED",
        "alembic.ini::test_upgrade_downgrade_restores_data[loses]": "XFAIL",
        "alembic.ini::test_upgrade_downgrade_restores_data[keeps]": "FAILED",
    }
    text = sections(result)["test_upgrade_downgrade_restores_data[keeps]"]
    assert text == "keeps gives all back\n  to do     take it out of alembic_cascade_irreversible.\n"
    refuses = 'the upgrade refuses what was made up: invalid input syntax for type integer: "TEXT"'
    assert [re.sub('"v.*"', '"TEXT"', line) for line in result.outlines if "made up" in line] == [
        f"alembic.ini::test_upgrade_downgrade_restores_data[numbers]: NULL wherever it may be: {refuses}",
        f"alembic.ini::test_upgrade_downgrade_restores_data[codes]: NULL wherever it may be: {refuses}",
        f"alembic.ini::test_upgrade_downgrade_restores_data[codes]: no rows in public.codes, public.posts, public.users: {refuses}",
    ]
