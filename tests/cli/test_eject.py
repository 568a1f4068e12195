"""``eject``: what is printed, and that all files are written, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from workplace import Workplace, cleaned

from alembic_cascade.cli.commands import cascade
from alembic_cascade.eject import files

BOTH = """\
from alembic import context
from alembic_cascade import CascadeConfig, configure_options
context.configure(dialect_name="postgresql", **configure_options(CascadeConfig()))
with context.begin_transaction():
    context.run_migrations()
"""


@pytest.fixture
def versions(blog: Workplace) -> Path:
    """Two revisions of the plugin, and one without it; no database can be reached any more."""
    blog.migrate("two", "op.execute('SELECT 1')")
    blog.migrate("three", "op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision='one')")
    blog.write_env(BOTH)
    (blog.path / "migrations" / "helpers.py").write_text("def key(op):\n    op.add_foreign_key('k')\n")
    (blog.path / "pyproject.toml").write_text('[project]\ndependencies = ["alembic", "alembic-cascade[cli]"]\n')
    return blog.path / "migrations" / "versions"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cascade, ["eject", *arguments], catch_exceptions=False, prog_name="alembic-cascade")


def texts(versions: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(versions.iterdir()) if path.is_file()}


def test_what_it_says(versions: Path) -> None:
    """Each file that it writes, and what it leaves to others."""
    result = run("--yes")
    (functions,) = versions.glob("*.sql")
    assert result.stdout == (
        f"migrations/versions/{functions.name}: made\n"
        "migrations/versions/1.py: 1 call rewritten\n"
        "migrations/versions/3.py: 1 call rewritten\n"
        "Left to take out by hand:\n"
        "  migrations/env.py:2: from alembic_cascade import CascadeConfig, configure_options\n"
        '  pyproject.toml:2: dependencies = ["alembic", "alembic-cascade[cli]"]\n'
        '  migrations/env.py:3: context.configure(dialect_name="postgresql", **configure_options(CascadeConfig()))\n'
        "  migrations/helpers.py:2: op.add_foreign_key('k')\n"
    )
    assert (result.stderr, result.exit_code) == ("", 0)
    assert [path.name for path in versions.iterdir() if path.name.startswith(".")] == []
    after = texts(versions)
    again = run("--yes")
    assert again.stdout.startswith("Nothing to eject: no revision uses the plugin.\nLeft to take out by hand:\n")
    assert texts(versions) == after


def test_nothing_is_said_of_what_is_not_run(versions: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The operations are asked for their SQL, and would tell in the log of keys that they changed."""
    key = "op.alter_foreign_key('k', 'posts', 'users', ['user_id'], ['id'], ondelete='CASCADE', existing_ondelete=None)"
    path = versions / "3.py"
    path.write_text(path.read_text().replace("op.restore_orphans(", f"{key}\n    op.restore_orphans("))
    caplog.set_level("INFO")
    assert run("--dry-run").exit_code == 0
    assert [record.getMessage() for record in caplog.records] == []


def test_a_dry_run_writes_nothing(versions: Path) -> None:
    """It prints a diff."""
    before = texts(versions)
    result = run("--dry-run")
    assert result.exit_code == 0
    assert result.stdout.startswith("new file migrations/versions/cascade_functions_")
    assert "--- a/migrations/versions/1.py\n+++ b/migrations/versions/1.py\n" in result.stdout
    assert f"\n-    {cleaned()}\n+    # {cleaned()}\n" in result.stdout
    assert texts(versions) == before


def test_what_can_not_be_rewritten(versions: Path) -> None:
    """Then nothing is, and each place is told."""
    (versions / "3.py").write_text((versions / "3.py").read_text().replace("'posts'", "str('posts')"))
    before = texts(versions)
    for arguments in (["--yes"], ["--dry-run"]):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == (
            "error: migrations/versions/3.py:8: op.restore_orphans: an argument is no literal, nor a name that the "
            "module gives one: only a run of the revision would tell\n"
            "error: Nothing was written: 1 place can't be rewritten. Write SQL there by hand, then eject.\n"
        )
        assert texts(versions) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def upgrade(:\n", "error: The project's revisions can't be read: SyntaxError: invalid syntax"),
        ("import nowhere\n", "error: The project's revisions can't be read: ModuleNotFoundError: No module named"),
        ("revision = '4'\ndown_revision = 'gone'\n", "error: The project's revisions lack 'gone', which one of them"),
    ],
)
@pytest.mark.filterwarnings("ignore:Revision gone referenced")
def test_revisions_that_can_not_be_read(versions: Path, text: str, said: str) -> None:
    """Alembic could not run them either."""
    (versions / "4.py").write_text(text)
    before = texts(versions)
    result = run("--yes")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(said)
    assert len(result.stderr.splitlines()) == 1
    assert texts(versions) == before


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "3.py"), "3.py: No space left on device. Nothing was written.\n"),
        (KeyboardInterrupt(), "error: Interrupted.\n"),
    ],
)
def test_all_files_or_none(versions: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, said: str) -> None:
    """The disk is full when the last one is put in its place, or somebody has thought better of it."""
    before = texts(versions)
    replace = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if target.name == "3.py":
            raise error
        return replace(self, target)

    monkeypatch.setattr(files.Path, "replace", fail)
    result = run("--yes")
    assert result.exit_code == 2
    assert result.stderr.endswith(said)
    assert texts(versions) == before


def test_it_asks(versions: Path, terminal: None) -> None:
    """A no leaves all as it was; without a terminal nobody is asked."""
    before = texts(versions)
    result = CliRunner().invoke(cascade, ["eject"], input="n\n", prog_name="alembic-cascade")
    assert "Rewrite 2 revisions?" in result.stderr
    assert (result.stdout.splitlines()[-1], result.exit_code) == ("Nothing was changed.", 2)
    assert texts(versions) == before


def test_nobody_to_ask(versions: Path) -> None:
    """As all commands that change something."""
    assert run().stderr == "error: There is no terminal to ask in. Nothing was changed. Say --yes if it is meant.\n"


def test_version_tables_of_several_schemas(versions: Path, blog: Workplace) -> None:
    """SQL is written for one of them."""
    blog.write_env(
        "from alembic import context\nfor schema in ('a', 'b'):\n"
        "    context.configure(dialect_name='postgresql', version_table_schema=schema)\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
    )
    result = run("--yes")
    assert result.stderr == (
        "error: env.py gives several version_table_schema: a, b. SQL is written for one; nothing was written.\n"
    )
    assert result.exit_code == 2
