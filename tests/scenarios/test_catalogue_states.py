"""What only the catalogue knows of a key: MATCH, NOT VALID, NOT ENFORCED, the same key twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, number, reference
from scenario import run_scenario
from sqlalchemy import ForeignKeyConstraint, MetaData

if TYPE_CHECKING:
    import logging

    from project import Project


def posts(**rule: object) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


WITHOUT_KEY = models(users=[], posts=[number("user_id")])


def replaced_by(state: str) -> list[str]:
    return [
        "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey",
        f"ALTER TABLE posts ADD CONSTRAINT loose FOREIGN KEY (user_id) REFERENCES users {state}",
    ]


@pytest.fixture
def release(project: Project) -> int:
    """The server's major release."""
    return int(project.fetch("SELECT current_setting('server_version_num')::int / 10000")[0][0])


def test_match_full_is_seen_and_taken_back(project: Project) -> None:
    """It decides what a key does with NULL in some of its columns."""
    run_scenario(
        project,
        before=posts(),
        after=posts(match="FULL"),
        upgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    match='FULL', existing_match=None,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    match=None, existing_match='FULL',
)
""",
    )


def test_a_key_that_is_not_valid_is_validated_and_made_loose_again(project: Project) -> None:
    """The models mean a key that holds for all rows."""
    run_scenario(
        project,
        before=posts(),
        after=posts(),
        setup=replaced_by("NOT VALID"),
        upgrade="""\
op.alter_foreign_key(
    'loose', 'posts', 'users', ['user_id'], ['id'],
    not_valid=False, existing_not_valid=True,
)
""",
        downgrade="""\
op.alter_foreign_key(
    'loose', 'posts', 'users', ['user_id'], ['id'],
    not_valid=True, existing_not_valid=False,
)
""",
    )


def test_a_removed_key_comes_back_not_valid(project: Project) -> None:
    """Valid, it could refuse the rows that it left alone before."""
    run_scenario(
        project,
        before=posts(),
        after=WITHOUT_KEY,
        setup=replaced_by("NOT VALID"),
        upgrade="op.drop_constraint(op.f('loose'), 'posts', type_='foreignkey')\n",
        downgrade="op.create_foreign_key(op.f('loose'), 'posts', 'users', ['user_id'], ['id'], postgresql_not_valid=True)\n",
    )


def test_a_dropped_table_gets_its_loose_key_back_loose(project: Project) -> None:
    """CREATE TABLE would make it valid."""
    run_scenario(
        project,
        before=posts(),
        after=models(users=[]),
        setup=replaced_by("NOT VALID"),
        upgrade="op.drop_constraint(op.f('loose'), 'posts', type_='foreignkey')\nop.drop_table('posts')\n",
        downgrade="""\
op.create_table('posts',
sa.Column('id', sa.INTEGER(), autoincrement=False, nullable=False),
sa.Column('user_id', sa.INTEGER(), autoincrement=False, nullable=True),
sa.PrimaryKeyConstraint('id', name=op.f('posts_pkey'))
)
op.create_foreign_key(op.f('loose'), 'posts', 'users', ['user_id'], ['id'], postgresql_not_valid=True)
""",
    )


NOT_ENFORCED = {"info": {"alembic_cascade": {"enforced": False}}}


def test_not_enforced_is_declared_made_and_taken_back(project: Project, release: int) -> None:
    """PostgreSQL 18 has it; on an older one the key is compared as enforced, which it then is."""
    text = ("pass\n", "pass\n")
    if release >= 18:
        text = (
            "op.alter_foreign_key(\n    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],\n"
            "    enforced=False, existing_enforced=True,\n)\n",
            "op.alter_foreign_key(\n    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],\n"
            "    enforced=True, existing_enforced=False,\n)\n",
        )
    run_scenario(project, before=posts(), after=posts(**NOT_ENFORCED), upgrade=text[0], downgrade=text[1])


def test_not_enforced_of_a_new_table_is_made_after_it(project: Project, release: int) -> None:
    """Neither SQLAlchemy nor Alembic has a word for it."""
    inline = "sa.ForeignKeyConstraint(['user_id'], ['users.id'], ),\n"
    later = "op.add_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], enforced=False)\n"
    dropped = "op.drop_constraint(op.f('posts_user_id_fkey'), 'posts', type_='foreignkey')\n"
    run_scenario(
        project,
        before=models(users=[]),
        after=posts(**NOT_ENFORCED),
        upgrade=f"""\
op.create_table('posts',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('user_id', sa.Integer(), nullable=True),
{inline if release < 18 else ""}sa.PrimaryKeyConstraint('id')
)
{later if release >= 18 else ""}""",
        downgrade=f"{dropped if release >= 18 else ''}op.drop_table('posts')\n",
    )


def test_a_removed_key_comes_back_not_enforced(project: Project, release: int) -> None:
    """Enforced, it could refuse the rows that are there."""
    state = "NOT ENFORCED" if release >= 18 else "NOT VALID"
    back = {
        "NOT ENFORCED": "op.add_foreign_key('loose', 'posts', 'users', ['user_id'], ['id'], enforced=False)\n",
        "NOT VALID": "op.create_foreign_key(op.f('loose'), 'posts', 'users', ['user_id'], ['id'], postgresql_not_valid=True)\n",
    }
    run_scenario(
        project,
        before=posts(),
        after=WITHOUT_KEY,
        setup=replaced_by(state),
        upgrade="op.drop_constraint(op.f('loose'), 'posts', type_='foreignkey')\n",
        downgrade=back[state],
    )


def test_a_key_that_is_there_twice_is_left_once(project: Project) -> None:
    """Which action wins depends on the text order of the triggers' names, so that one has to go."""
    run_scenario(
        project,
        before=posts(),
        after=posts(ondelete="CASCADE"),
        setup=[
            "ALTER TABLE posts ADD CONSTRAINT second FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE",
            "ALTER TABLE posts ADD CONSTRAINT third FOREIGN KEY (user_id) REFERENCES users ON DELETE SET NULL",
        ],
        upgrade="""\
op.drop_constraint(op.f('posts_user_id_fkey'), 'posts', type_='foreignkey')
op.drop_constraint(op.f('third'), 'posts', type_='foreignkey')
""",
        downgrade="""\
op.create_foreign_key(op.f('third'), 'posts', 'users', ['user_id'], ['id'], ondelete='SET NULL')
op.create_foreign_key(op.f('posts_user_id_fkey'), 'posts', 'users', ['user_id'], ['id'])
""",
    )


def test_two_keys_on_one_column_to_two_tables_are_two_keys(project: Project) -> None:
    """Plain Alembic takes one for the other, by hash seed."""
    both = models(
        users=[],
        members=[],
        posts=[reference("user_id", "users.id"), ForeignKeyConstraint(["user_id"], ["members.id"], ondelete="CASCADE")],
    )
    run_scenario(project, before=both, after=both, upgrade="pass\n", downgrade="pass\n")


def test_a_contradiction_in_the_models_is_a_warning(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    """One of the two counts, always the same, and the log says which."""
    project.create(posts(ondelete="CASCADE", name="kept"))
    project.metadata = models(
        users=[],
        posts=[
            reference("user_id", "users.id", ondelete="SET NULL"),
            ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE", name="kept"),
        ],
    )
    assert project.revision().upgrade == "pass\n"
    assert _warnings(caplog.records) == [
        "posts.user_id -> users.id is declared twice with different rules: CASCADE counts, SET NULL does not. "
        "Remove one from the model."
    ]


def test_a_removed_key_comes_back_with_its_comment(project: Project) -> None:
    """Alembic's own operation has no word for it."""
    run_scenario(
        project,
        before=posts(ondelete="CASCADE"),
        after=WITHOUT_KEY,
        setup=["COMMENT ON CONSTRAINT posts_user_id_fkey ON posts IS 'it''s :kept, 100 %'"],
        upgrade="op.drop_constraint(op.f('posts_user_id_fkey'), 'posts', type_='foreignkey')\n",
        downgrade="""\
op.add_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', comment="it's :kept, 100 %",
)
""",
    )


def _warnings(records: list[logging.LogRecord]) -> list[str]:
    return [record.getMessage() for record in records if record.levelname == "WARNING"]
