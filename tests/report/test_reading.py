"""What the text of a revision does to keys, and what only a run of it would tell."""

from __future__ import annotations

import ast
from textwrap import dedent, indent

import pytest

from alembic_cascade import CascadeConfig
from alembic_cascade.audit.mapped import Mapped
from alembic_cascade.audit.policy import OnDeleteRule
from alembic_cascade.audit.subject import Subject
from alembic_cascade.report.changes import Changes, changes_of
from alembic_cascade.report.revisions import Range, Revision

HEAD = """\
from alembic import op
import sqlalchemy as sa

"""

MADE = 'op.create_foreign_key("posts_user_id_fkey", "posts", "users", ["user_id"], ["id"], ondelete="{}")'
DROPPED = 'op.drop_constraint("posts_user_id_fkey", "posts", type_="foreignkey")'


def revision(upgrade: str, downgrade: str = "pass", above: str = "", number: str = "one") -> Revision:
    """A revision of these lines."""
    body = "".join(
        f"def {name}():\n{indent(dedent(lines).strip(), '    ')}\n\n"
        for name, lines in (("upgrade", upgrade), ("downgrade", downgrade))
    )
    text = f"{HEAD}{dedent(above)}\n\n{body}"
    ast.parse(text)
    return Revision(number, f"message of {number}", text)


def changes(*revisions: Revision, before: tuple[Revision, ...] = (), config: CascadeConfig | None = None) -> Changes:
    subject = Subject((), Mapped(), config or CascadeConfig())
    return changes_of(Range(None, None, revisions, history=lambda: before), subject)


def told(found: Changes) -> list[tuple[str, str | None, str | None]]:
    return [
        (
            change.label,
            None if change.before is None else str(change.before.ondelete),
            None if change.after is None else str(change.after.ondelete),
        )
        for change in found.changes
    ]


POSTS = "posts.user_id -> users.id"


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        (MADE.format("CASCADE"), [(POSTS, None, "CASCADE")]),
        (
            """
            op.alter_foreign_key("fk", "posts", "users", ["user_id"], ["id"], ondelete="CASCADE",
                                 existing_ondelete="SET NULL")
            """,
            [(POSTS, "SET NULL", "CASCADE")],
        ),
        (
            'op.add_foreign_key("fk", "posts", "users", ["user_id"], ["id"], source_schema="a", enforced=False)',
            [("a.posts.user_id -> users.id", None, "NO ACTION")],
        ),
        (
            'op.drop_foreign_key("fk", "posts", "users", ["user_id"], ["id"])',
            [(POSTS, "NO ACTION", None)],
        ),
        (
            """
            with op.batch_alter_table("posts", schema="a") as batch:
                batch.create_foreign_key("fk", "users", ["user_id"], ["id"], ondelete="cascade")
            """,
            [("a.posts.user_id -> users.id", None, "CASCADE")],
        ),
        (
            """
            op.create_table(
                "posts",
                sa.Column("id", sa.Integer(), primary_key=True),
                sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="SET NULL")),
                sa.Column("a", sa.Integer()),
                sa.ForeignKeyConstraint(["a", "b"], ["x.pairs.a", "x.pairs.b"], name=op.f("pair")),
            )
            """,
            [("posts.(a, b) -> x.pairs.(a, b)", None, "NO ACTION"), (POSTS, None, "SET NULL")],
        ),
        (
            'op.add_column("posts", sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id")))',
            [(POSTS, None, "NO ACTION")],
        ),
        (f"{MADE.format('CASCADE')}\n{DROPPED}", []),
        (f"{MADE.format('CASCADE')}\nop.drop_table('posts')", []),
        ("op.drop_constraint('posts_email_key', 'posts', type_='unique')", []),
        ("return\nop.drop_table('posts')", []),
        ("with op.get_context().autocommit_block():\n    " + MADE.format("RESTRICT"), [(POSTS, None, "RESTRICT")]),
        ("try:\n    " + MADE.format("RESTRICT") + "\nexcept Exception:\n    raise", [(POSTS, None, "RESTRICT")]),
        (f"if 'a' in ('a', 'b') and not 1 == 2:\n    {MADE.format('RESTRICT')}", [(POSTS, None, "RESTRICT")]),
    ],
)
def test_operations_of_alembic_and_ours_are_read(upgrade: str, expected: list[tuple[str, str, str]]) -> None:
    """Whoever wrote the revision, and however."""
    found = changes(revision(upgrade))
    assert told(found) == expected
    assert found.notes == ()


def test_a_drop_and_a_create_are_one_change() -> None:
    """As plain Alembic writes another rule; what was there before stands in the downgrade."""
    found = changes(revision(f"{DROPPED}\n{MADE.format('CASCADE')}", f"{DROPPED}\n{MADE.format('RESTRICT')}"))
    assert told(found) == [(POSTS, "RESTRICT", "CASCADE")]


def test_a_key_that_gets_another_name_and_referent_is_one_change() -> None:
    """The child's columns are what stays the same."""
    repointed = 'op.create_foreign_key("new", "posts", "users", ["user_id"], ["number"])'
    found = changes(revision(f"{DROPPED}\n{repointed}"), before=(revision(MADE.format("CASCADE")),))
    assert told(found) == [("posts.user_id -> users.number", "CASCADE", "NO ACTION")]
    assert [change.constraint for change in found.changes] == ["new"]


def test_what_the_downgrade_does_not_say_is_known_from_the_history() -> None:
    """Earlier revisions are asked where one drops a key by its name alone; the last of them counts."""
    earlier = (
        revision(MADE.format("RESTRICT")),
        revision(
            'op.alter_foreign_key("posts_user_id_fkey", "posts", "users", ["user_id"], ["id"], ondelete="SET NULL")'
        ),
    )
    assert told(changes(revision(DROPPED), before=earlier)) == [(POSTS, "SET NULL", None)]
    assert told(changes(revision("op.drop_table('posts')"), before=earlier)) == [(POSTS, "SET NULL", None)]


def test_revisions_of_the_range_are_told_one_by_one() -> None:
    """The second knows what the first did."""
    found = changes(revision(MADE.format("RESTRICT")), revision(DROPPED, number="two"))
    assert told(found) == [(POSTS, None, "RESTRICT"), (POSTS, "RESTRICT", None)]
    assert [change.revision for change in found.changes] == ["one", "two"]


def test_a_key_of_which_nothing_is_known_is_named() -> None:
    """It is no key that was made."""
    found = changes(revision(f"{DROPPED}\n{MADE.format('CASCADE')}"))
    assert told(found) == [(POSTS, None, "CASCADE")]
    assert [change.replaced for change in found.changes] == ["posts_user_id_fkey"]
    (gone,) = changes(revision(DROPPED)).changes
    assert (gone.label, gone.constraint) == ("posts: posts_user_id_fkey", "posts_user_id_fkey")


def test_a_hundred_tables_in_a_loop_are_read() -> None:
    """Seed 003 changes the keys of about a hundred tables to one parent, by a list and a function."""
    above = 'TABLES = ["vitals", "goals"]'
    upgrade = """
    for table, rule in [("logs", "SET NULL")]:
        to_users(table, rule)
    for number, table in enumerate(TABLES):
        to_users(table, ondelete="CASCADE")
        to_users("{}_{}".format(table, number), "CASCADE")
    """
    helper = """
    def to_users(table, ondelete):
        name = f"{table}_user_id_fkey"
        op.drop_constraint(name, table)
        op.create_foreign_key(name, table, "users", ["user_id"], ["id"], ondelete=ondelete)
    """
    found = changes(revision(upgrade, above=f"{above}\n{dedent(helper)}"))
    assert [(change.table.name, str(change.after.ondelete)) for change in found.changes if change.after] == [
        ("goals", "CASCADE"),
        ("goals_1", "CASCADE"),
        ("logs", "SET NULL"),
        ("vitals", "CASCADE"),
        ("vitals_0", "CASCADE"),
    ]
    assert {change.replaced for change in found.changes} == {
        f"{name}_user_id_fkey" for name in ("goals", "goals_1", "logs", "vitals", "vitals_0")
    }


@pytest.mark.parametrize(
    ("upgrade", "line", "said"),
    [
        (
            'op.execute("ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey")',
            7,
            "it runs SQL of its own: op.execute('ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey')",
        ),
        (
            "for name in op.get_bind().scalars(sa.text('SELECT 1')):\n    op.drop_constraint(name, 'posts')",
            7,
            "what op.get_bind().scalars(sa.text('SELECT 1')) goes through is not known before a run",
        ),
        (
            "if op.get_context().as_sql:\n    op.drop_table('posts')",
            7,
            "it depends on a run whether op.get_context().as_sql",
        ),
        (
            "name = input()\nop.drop_constraint(name, 'posts')",
            8,
            "op.drop_constraint: an argument is more than text and names that the revision gives a value: only a run of "
            "it would tell",
        ),
        (
            "while True:\n    op.drop_table('posts')",
            7,
            "an argument is more than text and names that the revision gives a value: only a run of it would tell",
        ),
    ],
)
def test_what_only_a_run_would_tell_is_noted(upgrade: str, line: int, said: str) -> None:
    """With its line, and it is no error; the rest is read."""
    found = changes(revision(f"{upgrade}\n{MADE.format('CASCADE')}"))
    assert [(note.revision, note.line, note.said) for note in found.notes] == [("one", line, said)]
    assert told(found) == [(POSTS, None, "CASCADE")]


@pytest.mark.parametrize(
    "upgrade",
    [
        "op.execute('UPDATE posts SET title = upper(title)')",
        "for row in op.get_bind().execute(sa.text('SELECT 1')):\n    print(row)",
        "if op.get_context().as_sql:\n    op.create_index('i', 'posts', ['a'])",
        "import os\nos.remove('/tmp/never-there')",
        "raise NotImplementedError",
    ],
)
def test_what_is_about_no_key_is_not_noted(upgrade: str) -> None:
    """And it is never run."""
    found = changes(revision(upgrade))
    assert (found.changes, found.notes) == ((), ())


@pytest.mark.parametrize("text", [None, b"def upgrade(:\n", b"\xff\xfe\x00", "x = '\0'"])
def test_a_revision_without_a_text_is_noted(text: str | bytes | None) -> None:
    """Compiled, broken or no Python at all."""
    found = changes(Revision("one", "", text))
    assert [note.said for note in found.notes] == ["there is no text of it that could be read"]


def test_functions_that_call_each_other_end() -> None:
    """A reading is no run, and has its own end."""
    above = "def again():\n    again()\n    op.drop_table('posts')\n"
    assert changes(revision("again()", above=above)).changes == ()


def test_the_reason_is_the_policy_s_else_the_revision_s_message() -> None:
    """What the settings say of a key is why it has its rule."""
    policy = OnDeleteRule("posts.user_id", "CASCADE", "A post belongs to its author.")
    made = revision(MADE.format("CASCADE"))
    assert changes(made, config=CascadeConfig(on_delete=[policy])).changes[0].reason == "A post belongs to its author."
    assert changes(made).changes[0].reason == "message of one"


def test_what_a_revision_is_like_is_told() -> None:
    """Whether it runs outside of a transaction, and whether its downgrade does anything."""
    concurrent = revision("op.begin_concurrently()", "op.begin_concurrently()")
    one_way = revision(MADE.format("CASCADE"), "raise NotImplementedError", number="two")
    nothing = revision("pass", number="three")
    assert [(one.concurrent, one.reversible) for one in changes(concurrent, one_way, nothing).revisions] == [
        (True, True),
        (False, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        (
            "for table in ['a', 'b', 'c']:\n    if table == 'a':\n        continue\n    if table == 'c':\n        break\n"
            "    op.create_foreign_key('f', table, 'users', ['user_id'], ['id'])\nelse:\n    op.drop_table('posts')",
            [("b.user_id -> users.id", None, "NO ACTION")],
        ),
        (
            "tables = ['a']\ntables += ['b']\nfor table in tables:\n"
            "    op.create_foreign_key('f', table, 'users', ['user_id'], ['id'])",
            [("a.user_id -> users.id", None, "NO ACTION"), ("b.user_id -> users.id", None, "NO ACTION")],
        ),
        (
            "rule = 'SET NULL'\nrule, table = 'CASCADE', 'posts'\n"
            "op.create_foreign_key('f', table, 'users', ['user_id'], ['id'], ondelete=rule)",
            [(POSTS, None, "CASCADE")],
        ),
        (f"def make():\n    {MADE.format('CASCADE')}\nmake()", [(POSTS, None, "CASCADE")]),
    ],
)
def test_a_text_is_followed_as_a_run_would(upgrade: str, expected: list[tuple[str, str, str]]) -> None:
    """Rounds that are left, names that get another value, functions within functions."""
    found = changes(revision(upgrade))
    assert (told(found), found.notes) == (expected, ())


@pytest.mark.parametrize(
    ("upgrade", "above", "line"),
    [
        ("rule = 'SET NULL'\nif sa.__version__ > '2':\n    rule = 'CASCADE'\n" + MADE.format('"+rule+"'), "", 10),
        ("tables = ['a']\ntables.append('b')\nfor table in tables:\n    op.drop_table(table)", "", 9),
        ("rules = {'a': 'CASCADE'}\nrules['a'] = sa.__version__\nop.drop_table(rules['a'])", "", 9),
        ("op.drop_table(name)", "name = 'a'\nif sa.__version__ > '2':\n    name = 'b'", 9),
        ("with op.batch_alter_table(name()) as batch:\n    batch.create_foreign_key('f', 'u', ['a'], ['id'])", "", 8),
        ("[op.drop_table(name) for name in ['a', 'b']]", "", 7),
        ("drop = op.drop_table\n", "", 7),
        ("add_key('posts')", "from project.migrations import add_key", 7),
        ("migrations.add_key(op, 'posts')", "from project import migrations", 7),
        ("op.execute(pathlib.Path('keys.sql').read_text())", "import pathlib", 7),
        ("if sa.__version__ > '2':\n    drop()", "def drop():\n    op.drop_table('posts')", 8),
        ("if sa.__version__ > '2':\n    return", "", 7),
        ("try:\n    pass\nexcept Exception:\n    op.drop_table('posts')", "", 9),
    ],
)
def test_what_is_not_followed_is_noted_and_never_guessed(upgrade: str, above: str, line: int) -> None:
    """A name whose value depends on a run has none; what stands elsewhere is named."""
    found = changes(revision(upgrade, above=above))
    assert ([note.line for note in found.notes], found.changes) == ([line], ())


@pytest.mark.parametrize(
    "upgrade",
    ["print('now')", "from time import sleep\nsleep(1)", "values = []\nvalues.append(1)", "sa.text('SELECT 1')"],
)
def test_what_everybody_calls_is_not_noted(upgrade: str) -> None:
    """It does nothing to keys."""
    assert changes(revision(upgrade)).notes == ()


def test_a_column_that_goes_takes_its_keys_along() -> None:
    """As PostgreSQL has it; what was dropped before is told once."""
    earlier = (revision(MADE.format("CASCADE")),)
    for gone in ("op.drop_column('posts', 'user_id')", "op.drop_table('posts')"):
        assert told(changes(revision(gone), before=earlier)) == [(POSTS, "CASCADE", None)]
        assert told(changes(revision(f"{DROPPED}\n{gone}"), before=earlier)) == [(POSTS, "CASCADE", None)]
        both = changes(revision(DROPPED), revision(gone, number="two"), before=earlier)
        assert told(both) == [(POSTS, "CASCADE", None)]
    batch = "with op.batch_alter_table('posts') as batch:\n    batch.drop_column('user_id')"
    assert told(changes(revision(batch), before=earlier)) == [(POSTS, "CASCADE", None)]
    assert told(changes(revision("op.drop_column('posts', 'title')"), before=earlier)) == []
    assert told(changes(revision(f"{MADE.format('CASCADE')}\nop.drop_column('posts', 'user_id')"))) == []


ARTICLES = "articles.author_id -> users.id"


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        ("op.rename_table('posts', 'articles')\nop.alter_column('posts', 'title', nullable=False)", []),
        ("op.rename_table('posts', 'articles')\nop.drop_table('posts')", []),
        ("op.rename_table('posts', 'articles')\nop.drop_table('articles')", [("articles.user_id -> users.id", "CASCADE", None)]),
        (
            "op.alter_column('posts', 'user_id', new_column_name='author_id', type_=sa.BigInteger())\n"
            "op.rename_table(old_table_name='posts', new_table_name='articles', schema=None)\n"
            "op.drop_constraint('posts_user_id_fkey', 'articles', type_='foreignkey')\n"
            "op.create_foreign_key('f', 'articles', 'users', ['author_id'], ['id'])",
            [(ARTICLES, "CASCADE", "NO ACTION")],
        ),
        (
            f"{DROPPED}\nop.rename_table('posts', 'articles')\n"
            "with op.batch_alter_table('articles') as batch:\n"
            "    batch.alter_column('user_id', new_column_name='author_id')\n"
            "    batch.create_foreign_key('f', 'users', ['author_id'], ['id'], ondelete='SET NULL')",
            [(ARTICLES, "CASCADE", "SET NULL")],
        ),
        (
            "op.create_foreign_key('g', 'likes', 'posts', ['post_id'], ['id'])\nop.rename_table('posts', 'articles')\n"
            "op.alter_column('articles', 'id', new_column_name='number')\n"
            "op.alter_column('users', 'id', new_column_name='number')",
            [("likes.post_id -> articles.number", None, "NO ACTION")],
        ),
    ],
)  # fmt: skip
def test_what_gets_another_name_keeps_its_keys(upgrade: str, expected: list[tuple[str, str, str]]) -> None:
    """A rename is no change of a key, and what comes after it is told of the same key."""
    found = changes(revision(upgrade), before=(revision(MADE.format("CASCADE")),))
    assert (told(found), found.notes) == (expected, ())


def test_names_of_an_earlier_revision_are_known_in_the_next() -> None:
    """Two tables that change their names with one another are still told apart."""
    users = "op.create_foreign_key('f', 'users', 'teams', ['team_id'], ['id'])"
    swap = "op.rename_table('posts', 'x')\nop.rename_table('users', 'posts')\nop.rename_table('x', 'users')"
    dropped = "op.drop_constraint('posts_user_id_fkey', 'users')\nop.drop_constraint('f', 'posts')"
    found = changes(
        revision(swap, number="two"),
        revision(dropped, number="three"),
        before=(revision(f"{MADE.format('CASCADE')}\n{users}"),),
    )
    assert told(found) == [
        ("posts.team_id -> teams.id", "NO ACTION", None),
        ("users.user_id -> posts.id", "CASCADE", None),
    ]


@pytest.mark.parametrize(
    ("upgrade", "said"),
    [
        (
            "def down(number):\n    if number == 0:\n        op.drop_table('posts')\n    else:\n        down(0)\n"
            + "".join(f"def call{n}():\n    {f'call{n + 1}()' if n < 24 else 'down(0)'}\n" for n in range(25))
            + "call0()",
            "calls deeper than 20 are not followed: only a run of it would tell",
        ),
        (
            "for table in [*range(10000), 'posts']:\n    op.drop_table(table)",
            "10,001 rounds are more than are followed: only a run of it would tell",
        ),
        (
            "if sa.__version__ > '2':\n    op.alter_column('posts', 'id', new_column_name='number')",
            "it depends on a run whether sa.__version__ > '2'",
        ),
        (
            "op.alter_column('posts', 'id', new_column_name=sa.__version__)",
            "op.alter_column: an argument is more than text and names that the revision gives a value: only a run of it "
            "would tell",
        ),
    ],
)
def test_what_is_too_much_is_noted(upgrade: str, said: str) -> None:
    """Nothing is cut in silence."""
    assert [note.said for note in changes(revision(upgrade)).notes] == [said]


@pytest.mark.parametrize(
    "upgrade",
    [
        "if sa.__version__ > '2':\n    op.alter_column('posts', 'id', type_=sa.Text())",
        "op.alter_column(sa.__version__, 'id', type_=sa.Text())",
    ],
)
def test_what_changes_a_column_alone_is_not_noted(upgrade: str) -> None:
    """A type or a default is nothing that keys say, whatever table it is of."""
    assert changes(revision(upgrade)).notes == ()
