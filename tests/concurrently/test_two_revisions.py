"""What goes into an ordinary revision, and what into a concurrent one after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, number, reference
from project import Revision, catalogue
from scenario import run_scenario
from sqlalchemy import Engine, MetaData, NullPool, create_engine

from alembic_cascade import CascadeConfig, configure_options
from concurrently.revision_bodies import GONE, KEY, NEW, PLAIN, RULE, RULE_BACK, STOP, concurrently, posts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from project import Project


ORDINARY = {
    "another rule": (posts(), {"lock_timeout": None}, """\
# posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
op.clean_orphans(
    'posts', 'users', ['user_id'], ['id'],
    strategy='quarantine', revision=revision, lock_timeout=None,
)
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', existing_ondelete=None, lock_timeout=None,
)
""", """\
op.alter_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete=None, existing_ondelete='CASCADE', lock_timeout=None,
)
op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision, lock_timeout=None)
"""),
    "a new key": (PLAIN, {"lock_timeout": "500ms"}, """\
# posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
op.clean_orphans(
    'posts', 'users', ['user_id'], ['id'],
    strategy='quarantine', revision=revision, lock_timeout='500ms',
)
op.add_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    ondelete='CASCADE', lock_timeout='500ms',
)
""", """\
op.drop_foreign_key(
    'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'],
    lock_timeout='500ms',
)
op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision, lock_timeout='500ms')
"""),
}  # fmt: skip


@pytest.mark.parametrize(("before", "settings", "upgrade", "downgrade"), ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_revision_says_how_long_it_waits(
    project: Project, before: MetaData, settings: dict[str, Any], upgrade: str, downgrade: str
) -> None:
    """Alembic's own operations can't say it."""
    concurrently(project, concurrently=False, **settings)
    run_scenario(project, before=before, after=posts(ondelete="CASCADE"), upgrade=upgrade, downgrade=downgrade)


def test_an_unchanged_schema_gives_one_empty_revision(project: Project) -> None:
    """There is no block around nothing."""
    concurrently(project)
    run_scenario(project, before=posts(), after=posts(), upgrade="pass\n", downgrade="pass\n")


def two_tables(notes_rule: str | None = None, posts_rule: str | None = None, *more: Any) -> MetaData:
    return models(
        users=[], people=[],
        posts=[reference("user_id", "users.id", ondelete=posts_rule), *more],
        notes=[reference("by", "people.id", ondelete=notes_rule)],
    )  # fmt: skip


NOTES = """\
# notes.by -> people.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them
op.clean_orphans('notes', 'people', ['by'], ['id'], strategy='quarantine', revision=revision)
op.alter_foreign_key(
    'notes_by_fkey', 'notes', 'people', ['by'], ['id'],
    ondelete='CASCADE', existing_ondelete=None,
)
"""
NOTES_BACK = """\
op.alter_foreign_key(
    'notes_by_fkey', 'notes', 'people', ['by'], ['id'],
    ondelete=None, existing_ondelete='CASCADE',
)
op.restore_orphans('notes', 'people', ['by'], ['id'], revision=revision)
"""


@pytest.mark.parametrize("pattern", ["posts", "p?sts", "users", "public.use*", "*.posts"])
def test_keys_of_other_tables_stay_in_a_revision_of_their_own(project: Project, pattern: str) -> None:
    """A pattern means a key's own table, or the one that it refers to; the ordinary revision comes first."""
    concurrently(project, concurrently=["nothing", pattern])
    run_two(project, two_tables(), two_tables("CASCADE", "CASCADE"), (NOTES, NOTES_BACK), (RULE, RULE_BACK))


@pytest.mark.parametrize("pattern", ["app.posts", "post", "note"])
def test_a_pattern_that_means_none_of_the_tables_changes_nothing(project: Project, pattern: str) -> None:
    """It is a whole name, in its schema."""
    concurrently(project, concurrently=[pattern])
    run_scenario(project, before=two_tables(), after=two_tables("CASCADE"), upgrade=NOTES, downgrade=NOTES_BACK)


def run_two(
    project: Project, before: MetaData, after: MetaData, ordinary: tuple[str, str], concurrent: tuple[str, str]
) -> None:
    """Compare both bodies of both revisions and their heads, then up, no drift left, down, up."""
    project.create(before)
    start = schema(project.engine)
    project.metadata = after
    first, second = project.revisions()
    assert (first.upgrade, first.downgrade) == ordinary
    assert (second.upgrade, second.downgrade) == concurrent
    assert second.text.startswith('"""change, concurrently"""\n')
    assert f"down_revision = {first.revision!r}\n" in second.text
    assert "down_revision = None\n" in first.text
    names = {path.name for path in (project.path / "versions").glob("*.py")}
    assert names == {f"{first.revision}_change.py", f"{second.revision}_change_concurrently.py"}
    project.upgrade()
    project.check()
    upgraded = schema(project.engine)
    project.downgrade("base")
    assert schema(project.engine) == start
    project.upgrade()
    assert schema(project.engine) == upgraded


def schema(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return catalogue(connection)


def test_a_key_on_a_new_column_comes_after_it(project: Project) -> None:
    """The column is made in a transaction, the key is not."""
    concurrently(project)
    run_two(
        project, models(users=[], posts=[]), posts(ondelete="CASCADE"),
        (
            "op.add_column('posts', sa.Column('user_id', sa.Integer(), nullable=True))\n",
            "op.drop_column('posts', 'user_id')\n",
        ),
        (NEW, GONE),
    )  # fmt: skip


def test_a_key_of_a_new_table_stays_with_its_table(project: Project) -> None:
    """Nobody writes to it yet."""
    concurrently(project)
    run_scenario(
        project, before=models(users=[]), after=posts(ondelete="CASCADE"),
        upgrade="""\
op.create_table('posts',
sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
sa.Column('user_id', sa.Integer(), nullable=True),
sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
sa.PrimaryKeyConstraint('id')
)
""",
        downgrade="op.drop_table('posts')\n",
    )  # fmt: skip


BACK = f"""\
{STOP}
op.clean_orphans({KEY}, strategy='fail', revision=revision)
op.create_foreign_key(op.f('posts_user_id_fkey'), {KEY})
"""


def test_a_key_that_goes_with_its_column_stays_with_it(project: Project) -> None:
    """It has to go before, and a revision of its own would come after."""
    concurrently(project)
    run_scenario(
        project, before=posts(), after=models(users=[], posts=[]),
        upgrade="""\
op.drop_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'])
op.drop_column('posts', 'user_id')
""",
        downgrade="op.add_column('posts', sa.Column('user_id', sa.INTEGER(), autoincrement=False, nullable=True))\n" + BACK,
    )  # fmt: skip


def test_a_key_that_goes_with_its_parent_stays_with_it(project: Project) -> None:
    """A table can't be dropped while a key refers to it."""
    concurrently(project)
    run_scenario(
        project, before=posts(), after=models(posts=[number("user_id")]),
        upgrade="""\
op.drop_foreign_key('posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id'])
op.drop_table('users')
""",
        downgrade="""\
op.create_table('users',
sa.Column('id', sa.INTEGER(), autoincrement=False, nullable=False),
sa.PrimaryKeyConstraint('id', name=op.f('users_pkey'))
)
""" + BACK,
    )  # fmt: skip


# What the template "multidb" does, without its transaction round all databases, in which nothing can run concurrently.
SEVERAL = """\
from alembic import context

for name, engine, options in context.config.attributes["options"]()["databases"]:
    with engine.connect() as connection:
        tokens = {"upgrade_token": f"{name}_upgrades", "downgrade_token": f"{name}_downgrades"}
        context.configure(connection=connection, **tokens, **options)
        with context.begin_transaction():
            context.run_migrations(engine_name=name)
"""
FUNCTIONS = """\
from alembic import op
import sqlalchemy as sa
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
def upgrade(engine_name):
    globals()["upgrade_" + engine_name]()
def downgrade(engine_name):
    globals()["downgrade_" + engine_name]()
% for name in ("one", "other"):
def upgrade_${name}():
    ${context.get(name + "_upgrades") or "pass"}
def downgrade_${name}():
    ${context.get(name + "_downgrades") or "pass"}
% endfor
"""


@pytest.mark.parametrize("names", [("one", "other"), ("other", "one")])
def test_each_of_several_databases_has_functions_of_its_own(
    project: Project, second: Engine, names: tuple[str, ...]
) -> None:
    """One is never locked for long, the other is; both get a column and another rule."""
    (project.path / "env.py").write_text(SEVERAL)
    (project.path / "script.py.mako").write_text(FUNCTIONS)
    after = posts(number("length"), ondelete="CASCADE")
    given = {
        "one": (project.engine, {"target_metadata": after, **configure_options(CascadeConfig(concurrently=True))}),
        "other": (second, {"target_metadata": after, **configure_options(CascadeConfig())}),
    }
    project.options["databases"] = [(name, *given[name]) for name in names]
    states = []
    for engine in (project.engine, second):
        posts().create_all(engine)
    revisions = project.revisions()
    whole = {
        name: [body(revision.text, f"{way}_{name}") for revision in revisions for way in ("upgrade", "downgrade")]
        for name in given
    }
    assert [text.count("autocommit_block") for text in whole["other"]] == [0] * len(whole["other"])
    assert [text for text in whole["one"] if "autocommit_block" in text] == [RULE, RULE_BACK]
    assert not any("_column" in text for text in whole["one"] if "autocommit_block" in text)
    assert sum("op.alter_foreign_key" in text for text in whole["other"]) == 2
    for run in (lambda: None, project.upgrade, lambda: project.downgrade("base"), project.upgrade):
        run()
        if run == project.upgrade:
            project.check()
        states.append([schema(engine) for engine in (project.engine, second)])
    assert states[0] == states[2]
    assert states[1] == states[3]
    assert states[1][0] == states[1][1]


def body(text: str, function: str) -> str:
    """The body of a function, as :class:`project.Revision` has it."""
    lines = text.partition(f"def {function}():\n")[2].partition("\ndef ")[0]
    return Revision("", f"def upgrade():\n{lines}\n").upgrade


@pytest.fixture
def second(engine: Engine) -> Iterator[Engine]:
    """An engine on a second empty database of the same server."""
    name = f"{engine.url.database}_other"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        second = create_engine(engine.url.set(database=name), poolclass=NullPool)
        yield second
        connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')
