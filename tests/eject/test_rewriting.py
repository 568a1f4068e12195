"""A revision's text: what gives way, what stays, and what is refused."""

from __future__ import annotations

import ast
import io
from textwrap import indent
from typing import Any

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from hypothesis import given
from hypothesis.strategies import text

from alembic_cascade.eject.literals import literal
from alembic_cascade.eject.reading import Refusal
from alembic_cascade.eject.rewriting import Rewritten, rewritten

HEAD = "from alembic import op\nimport sqlalchemy as sa\n\nrevision = 'r'\ndown_revision: str | None = None\n\n\n"
CLEAN = "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='fail', revision=revision)"
DROP = "op.drop_foreign_key('fk', 'posts', 'users', ['user_id'], ['id'], lock_timeout=None)"


def revision(*lines: str, head: str = HEAD) -> str:
    return f"{head}def upgrade():\n{indent(chr(10).join(lines), '    ')}\n\n\ndef downgrade():\n    pass\n"


def ejected(source: str | bytes) -> str:
    found = rewritten(source.encode() if isinstance(source, str) else source, None)
    assert isinstance(found, Rewritten), found
    return found.text.decode()


def refused(*lines: str, head: str = HEAD) -> list[Refusal]:
    found = rewritten(revision(*lines, head=head).encode(), None)
    assert isinstance(found, list), found
    return found


@given(text())
def test_a_literal_is_the_text(given_text: str) -> None:
    """Whatever it holds."""
    assert ast.literal_eval(literal(given_text)) == given_text


def test_all_else_stays_as_it_is() -> None:
    """Comments, blank lines and what is oddly written."""
    source = revision(
        "# before", DROP, "x   =  1 # odd", "if x :", f"    {DROP}  # said here", "op.execute( 'SELECT 1' )"
    )
    new = ejected(source)
    kept, _, runner = new.partition("\n\ndef run_sql(")
    assert runner
    assert [line for line in source.splitlines() if "drop_foreign_key" not in line] == [
        line for line in _without_calls(kept).splitlines() if "drop_foreign_key" not in line
    ]
    assert kept.count(f"# {DROP}") == 2
    assert "  # said here" in kept
    assert rewritten(new.encode(), None) is None


def _without_calls(text_: str) -> str:
    """The text without the statements that run SQL."""
    lines = text_.splitlines()
    for node in sorted(ast.walk(ast.parse(text_)), key=lambda node: -getattr(node, "lineno", 0)):
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith("run_sql("):
            assert node.end_lineno is not None
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines)


def test_line_breaks_and_encodings_stay() -> None:
    """Those of another system, and of another time."""
    lines = ("# -*- coding: latin-1 -*-", "# \xe4", *revision("# \xfc", DROP).splitlines(), "")
    source = "\r\n".join(lines)
    found = rewritten(source.encode("latin-1"), None)
    assert isinstance(found, Rewritten)
    new = found.text.decode("latin-1")
    assert new.startswith("# -*- coding: latin-1 -*-\r\n# \xe4\r\n")
    assert "\n" not in new.replace("\r\n", "")
    assert "    # \xfc\r\n    # op.drop_foreign_key" in new


def test_letters_that_an_encoding_lacks() -> None:
    """The revision has them as escapes."""
    found = rewritten(
        f"# coding: latin-1\n{revision(DROP.replace('posts', chr(92) + 'u03b1'))}".encode("latin-1"), None
    )
    assert found == [Refusal(1, "its encoding iso-8859-1 lacks letters that the SQL has: \u03b1")]


def test_letters_of_more_than_one_byte_before_a_call() -> None:
    """Python counts bytes."""
    assert "'\u00e4\u00f6\U0001f600'; run_sql(" in ejected(revision(f"'\u00e4\u00f6\U0001f600'; {DROP}"))
    assert "if True: run_sql(" in ejected(revision(f"if True: {DROP}"))


def test_imports_are_taken_out() -> None:
    """Where nothing of them is used."""
    for line in (
        "import alembic_cascade\n",
        "from alembic_cascade import CascadeConfig, ops\n",
        "import alembic_cascade.ops\n",
    ):
        source = revision("pass", head=line + HEAD)
        assert ejected(source) == source.removeprefix(line)


def test_a_revision_without_the_plugin_is_left_alone() -> None:
    """Alembic's own operations on foreign keys are nobody else's."""
    source = revision("op.create_foreign_key('fk', 'posts', 'users', ['user_id'], ['id'])", "# op.clean_orphans()")
    assert rewritten(source.encode(), None) is None


def test_names_that_the_module_gives_a_value() -> None:
    """Once, and to nothing else."""
    head = HEAD + "KEY = ('posts', 'users')\nTABLE = 'posts'\n"
    call = "op.clean_orphans(TABLE, op.f('users'), ['user_id'], ['id'], strategy='fail', revision=revision)"
    assert "'posts.user_id -> users.id'" in ejected(revision(call, head=head))
    for more in ("TABLE = 'other'\n", "def f(TABLE): pass\n", "for TABLE in []: pass\n", "from x import TABLE\n"):
        (found,) = refused(call, head=head + more)
        assert found.reason.startswith("op.clean_orphans: an argument is no literal")
    (found,) = refused(CLEAN.replace("['user_id']", "COLS"), head=f"{HEAD}COLS = []\nCOLS.append('user_id')\n")
    assert found.reason.startswith("op.clean_orphans: an argument is no literal")


def test_another_name_of_op() -> None:
    """It is that of the import."""
    head = HEAD.replace("import op", "import op as o")
    assert "has no foreign key fk" in script_of(ejected(revision(DROP.replace("op.", "o."), head=head)))


def test_an_import_in_a_function() -> None:
    """What runs the SQL does not see it."""
    head = HEAD.replace("from alembic import op\n", "")
    assert "has no foreign key fk" in script_of(ejected(revision("from alembic import op", DROP, head=head)))


def script_of(text_: str) -> str:
    """What an upgrade with ``--sql`` writes."""
    written = io.StringIO()
    options = {"as_sql": True, "output_buffer": written}
    given_names: dict[str, Any] = {}
    exec(text_, given_names)
    with Operations.context(MigrationContext.configure(dialect_name="postgresql", opts=options)):
        given_names["upgrade"]()
    return written.getvalue()


def test_tabs() -> None:
    """Of them an indentation may be made, too."""
    new = ejected(f"{HEAD}def upgrade():\n\top.begin_concurrently(revision)\n\tif True:\n\t\tpass\n")
    assert '\n\trun_sql("""SELECT pg_catalog.pg_advisory_unlock(' in new


def test_a_name_that_is_taken() -> None:
    """The runner gets another one."""
    assert "\n    _run_sql(" in ejected(revision("run_sql = 1", DROP))


def test_the_schema_of_the_version_table() -> None:
    """Where the quarantine is beside it."""
    source = revision(CLEAN.replace("strategy", "quarantine_schema=None, strategy")).encode()
    found = rewritten(source, "ver sions")
    assert isinstance(found, Rewritten)
    assert "    'ver sions',\n    'alembic_cascade_'," in found.text.decode()


def test_the_turn_of_a_concurrent_revision_ends() -> None:
    """With the function that took it."""
    new = ejected(revision("op.begin_concurrently(revision)", "with op.get_context().autocommit_block():", "    pass"))
    upgrade = new.partition("def upgrade")[2].partition("def downgrade")[0]
    assert (
        upgrade.index("cascade_take_turn(") < upgrade.index("autocommit_block") < upgrade.index("pg_advisory_unlock(")
    )


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        (
            ["for t in ['a']:", f"    {CLEAN.replace(chr(39) + 'posts' + chr(39), 't')}"],
            10,
            "an argument is no literal",
        ),
        ([CLEAN.replace("'posts'", "f'posts'")], 9, "an argument is no literal"),
        (["k = {}", CLEAN.replace("strategy='fail'", "**k")], 10, "is not a statement of its own, or its arguments"),
        (["k = []", "op.clean_orphans(*k)"], 10, "is not a statement of its own, or its arguments"),
        (["done = " + CLEAN], 9, "is not a statement of its own"),
        (["clean = op.clean_orphans"], 9, "is not a statement of its own"),
        (["getattr(op, 'clean_orphans')()"], 9, "clean_orphans is called by another name"),
        (
            ["with op.batch_alter_table('posts') as batch_op:", "    batch_op.alter_foreign_key()"],
            10,
            "batch_op.alter_foreign_key is not called as op.alter_foreign_key, as in a batch",
        ),
        (["from alembic_cascade import ops", "op.get_context(ops)"], 10, "ops is the plugin's"),
        (["from alembic_cascade import *"], 9, "hides what is used of it"),
        (["import os, alembic_cascade"], 9, "the plugin is imported together with something else"),
        (["from alembic.op import clean_orphans as c", "c()"], 9, "clean_orphans is imported from alembic.op by name"),
        (["from alembic.op import *\nclean_orphans()"], 1, "clean_orphans is imported from alembic.op by name"),
        (["op.alter_foreign_key('k', 'a', 'b', ['c'], ['d'], ondelete=5, existing_ondelete=None)"], 9, "like that: "),
        (["op.clean_orphans('posts')"], 9, "it can't be called like that: "),
        ([CLEAN.replace("'fail'", "'burn'")], 9, "strategy: must be "),
    ],
)
def test_what_is_refused(lines: list[str], line: int, reason: str) -> None:
    """With its line, and why."""
    if "import *" in lines[0]:
        found = refused("pass", head=f"{lines[0]}\n{HEAD}")
        line = 1
    else:
        found = refused(*lines)
    assert (line, True) in [(one.line, reason in one.reason) for one in found], found
