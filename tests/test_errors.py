"""Bad input: one clear error that says what happened and what to do, and the database as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, reference
from project import catalogue
from sqlalchemy import MetaData

from alembic_cascade import (
    CascadeError,
    ConfigError,
    ForeignKeyNotFound,
    ForeignKeyRefused,
    OrphansRemain,
    TableNotFound,
    errors,
)

if TYPE_CHECKING:
    from project import Project

ALTER = "op.alter_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE'{more})"


def posts(**rule: Any) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def assert_refused(project: Project, upgrade: str, error: type[CascadeError], message: str) -> None:
    """The migration stops with the error, after it has done something else that must not stay."""
    with project.engine.connect() as connection:
        start = catalogue(connection)
    project.write_revision(f"op.add_column('users', sa.Column('half_way', sa.Integer))\n{upgrade}")
    with pytest.raises(error) as refused:
        project.upgrade()
    assert str(refused.value) == message
    with project.engine.connect() as connection:
        assert catalogue(connection) == start


def test_an_absent_table(project: Project) -> None:
    """Unless the operation says that it may be absent."""
    project.execute("CREATE TABLE users (id int PRIMARY KEY)")
    assert_refused(
        project,
        ALTER.format(more=""),
        TableNotFound,
        "posts.user_id -> users.id: recreated: the table posts does not exist. Where it is absent on purpose, write "
        "if_exists=True into the operation, or list the table in CascadeConfig(optional_tables=...).",
    )


def test_an_absent_key(project: Project) -> None:
    """The message lists the keys that are there."""
    project.create(models(users=[], posts=[reference("editor_id", "users.id"), reference("reader_id", "users.id")]))
    assert_refused(
        project,
        ALTER.format(more=", existing_ondelete=None"),
        ForeignKeyNotFound,
        "posts has no foreign key 'posts_user_id_fkey', nor another one for posts.user_id -> users.id. Its foreign keys "
        "are: posts_editor_id_fkey, posts_reader_id_fkey. Correct the revision, or bring the database to the state that "
        "it expects.",
    )


def test_a_key_dropped_that_is_absent(project: Project) -> None:
    """The same for a drop."""
    project.execute("CREATE TABLE users (id int PRIMARY KEY)", "CREATE TABLE posts (id int PRIMARY KEY, user_id int)")
    assert_refused(
        project,
        "op.drop_foreign_key('gone', 'posts', 'users', ['user_id'], ['id'])",
        ForeignKeyNotFound,
        "posts has no foreign key 'gone', nor another one for posts.user_id -> users.id. It has no foreign key. Correct "
        "the revision, or bring the database to the state that it expects.",
    )


@pytest.mark.parametrize("operation", ["alter", "add"])
def test_rows_without_a_parent(project: Project, operation: str) -> None:
    """Not a bare 23503 in the middle of a traceback."""
    project.create(posts())
    project.execute(
        "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey",
        "INSERT INTO posts VALUES (1, 77)",
        "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users NOT VALID",
    )
    add = "op.add_foreign_key('second', 'posts', 'users', ['user_id'], ['id'])"
    assert_refused(
        project,
        ALTER.format(more=", existing_not_valid=True") if operation == "alter" else add,
        OrphansRemain,
        f"The foreign key '{'posts_user_id_fkey' if operation == 'alter' else 'second'}' (posts.user_id -> users.id) "
        'can\'t be made: posts holds rows without a parent. Key (user_id)=(77) is not present in table "users". Nothing '
        "was changed. Settle these rows, or let op.clean_orphans do it before this operation; behind a valid key it looks for them with trust_valid_keys=False.",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("'', 'posts', 'users', ['user_id'], ['id']", "constraint_name: a foreign key in a revision must be named"),
        (
            "'k', 'posts', 'users', 'user_id', ['id']",
            "local_cols: must be a list of column names, not 'user_id'",
        ),
        ("'k', 'posts', 'users', ['user_id'], []", "remote_cols: must be a list of column names, not []"),
        (
            "'k', 'posts', 'users', ['user_id'], ['id', 'b']",
            "remote_cols: has 2 columns, local_cols has 1",
        ),
        (
            "'k', 'posts', 'users', ['user_id'], ['id'], ondelete='DROP'",
            "ondelete: 'DROP' is no referential action",
        ),
        (
            "'k', 'posts', 'users', ['user_id'], ['id'], existing_ondelete='CASCADES'",
            "ondelete: 'CASCADES' is no referential action",
        ),
        (
            "'k', 'posts', 'users', ['user_id'], ['id'], initially='LATER'",
            "initially: must be 'IMMEDIATE' or 'DEFERRED', not 'LATER'",
        ),
        (
            "'k', 'posts', 'users', ['user_id'], ['id'], match='PARTIAL'",
            "match: must be 'SIMPLE' or 'FULL', not 'PARTIAL'",
        ),
    ],
)
def test_an_argument_that_can_not_be(project: Project, arguments: str, message: str) -> None:
    """The error names the argument."""
    project.create(posts())
    assert_refused(project, f"op.alter_foreign_key({arguments})", ConfigError, message)


def test_columns_of_a_translation_that_do_not_pair(project: Project) -> None:
    """One column has one value."""
    project.create(posts())
    assert_refused(
        project,
        "op.translate_references('posts', 'users', ['user_id'], from_cols=['id'], to_cols=['a', 'b'])",
        ConfigError,
        "to_cols: has 2 columns, local_cols has 1",
    )


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ("yes", "info['alembic_cascade'] of a foreign key on posts (user_id): must be a dictionary, not 'yes'"),
        (
            {"enforce": False},
            "info['alembic_cascade'] of a foreign key on posts (user_id): has no setting 'enforce'; there are: 'enforced', 'max_orphans', 'orphans'",
        ),
        (
            {"enforced": "no"},
            "info['alembic_cascade'] of a foreign key on posts (user_id): 'enforced' must be True or False, not 'no'",
        ),
    ],
)
def test_information_on_a_key_that_can_not_be_read(project: Project, info: object, message: str) -> None:
    """A setting that is misspelled must not be ignored."""
    project.create(posts())
    project.metadata = posts(info={"alembic_cascade": info})
    with pytest.raises(ConfigError) as refused:
        project.revision()
    assert str(refused.value) == message


def test_every_error_has_a_message_of_its_own() -> None:
    """Raised bare, it still says what happened."""
    assert str(CascadeError()) == "alembic_cascade could not go on."


def test_the_errors_are_one_tree() -> None:
    """One except clause is enough, and Alembic prints them without a traceback."""
    from alembic.util import CommandError  # noqa: PLC0415

    listed = [item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, Exception)]
    assert all(issubclass(item, CascadeError) for item in listed if item is not CommandError)
    assert issubclass(CascadeError, CommandError)


@pytest.mark.parametrize(
    ("operation", "problem"),
    [
        ("add_foreign_key('k', 'posts', 'users', ['nope'], ['id'])", 'column "nope" referenced in foreign key'),
        ("add_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'])", "already exists"),
        ("add_foreign_key('k', 'posts', 'posts', ['user_id'], ['user_id'])", "no unique constraint matching"),
    ],
)
def test_what_postgresql_refuses(project: Project, operation: str, problem: str) -> None:
    """Its message is in ours, and no traceback round it."""
    project.create(posts())
    project.write_revision(f"op.{operation}")
    with pytest.raises(ForeignKeyRefused, match=problem):
        project.upgrade()


@pytest.mark.parametrize("columns", ["[]", "'user_id'", "[1]"])
def test_columns_of_a_translation_that_are_no_columns(project: Project, columns: str) -> None:
    """A string would be taken for its letters."""
    project.create(posts())
    project.write_revision(f"op.translate_references('posts', 'users', {columns}, from_cols=['id'], to_cols=['id'])")
    with pytest.raises(ConfigError, match="local_cols: must be a list of column names"):
        project.upgrade()
