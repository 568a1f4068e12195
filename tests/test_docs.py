"""The documentation: the tutorial does what it says, and the reference names everything that is public."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import alembic.operations
import pytest
from models import models, number, reference
from project import Project
from sqlalchemy import URL, Connection, Engine, MetaData

import alembic_cascade
from alembic_cascade import CascadeConfig, configure_options, ops

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent.parent / "docs"

_BLOCK = re.compile(r"^( *)\.\. code-block:: (\w+)\n((?:\1   :.*\n)*)\n((?:(?:\1   .*)?\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A code block: its language, its options and its text."""

    language: str
    options: dict[str, str]
    text: str

    @property
    def caption(self) -> str:
        """The line above it, empty where it has none."""
        return self.options.get("caption", "")


def code_blocks(page: str) -> Iterator[Block]:
    """The code blocks of a page, in their order."""
    for found in _BLOCK.finditer((DOCS / page).read_text() + "\n"):
        options = dict(re.findall(r":([\w-]+): ?(.*)", found.group(3)))
        yield Block(found.group(2), options, dedent(found.group(4)).strip("\n") + "\n")


class Reader:
    """Somebody who does what the tutorial says, in an empty folder and an empty database."""

    def __init__(self, folder: Path, url: URL, engine: Engine) -> None:
        self.folder = folder
        self.url = url.render_as_string(hide_password=False).replace("%", "%%")
        self.engine = engine

    def do(self, block: Block) -> None:
        """Follow one block, and compare what it shows."""
        match block.language:
            case "python" | "ini":
                self.write(block)
            case "console":
                self.run(block.text)
            case "sql":
                with self.engine.begin() as connection:
                    connection.exec_driver_sql(block.text)
            case _:
                with self.engine.begin() as connection:
                    assert rows(connection, block.caption) == block.text

    def write(self, block: Block) -> None:
        """Write what the caption says, or look at what Alembic wrote."""
        match block.caption:
            case "models.py":
                (self.folder / "models.py").write_text(block.text)
            case "alembic.ini":
                self.replace("alembic.ini", r"sqlalchemy\.url = .*\n", f"sqlalchemy.url = {self.url}\n")
            case "migrations/env.py: target_metadata":
                self.replace("migrations/env.py", r"target_metadata = None\n", block.text)
            case "migrations/env.py: imports":
                self.replace("migrations/env.py", r"^from alembic import context\n", rf"\g<0>{block.text}")
            case "migrations/env.py: run_migrations_online":
                self.replace("migrations/env.py", r"def run_migrations_online(?s:.*?)\n\n\n", f"{block.text}\n\n")
            case "the revision":
                assert self.newest_revision() == block.text
            case caption:
                pytest.fail(f"nobody would know what to do with {caption!r}")

    def replace(self, file: str, pattern: str, replacement: str) -> None:
        """Edit a file that ``alembic init`` wrote."""
        path = self.folder / file
        text, count = re.subn(pattern, replacement, path.read_text(), flags=re.MULTILINE)
        assert count == 1, (file, pattern)
        path.write_text(text)

    def run(self, session: str) -> None:
        """Run each command, and compare what it says where the tutorial shows it."""
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            program, *arguments = shlex.split(command)
            if program == "pip":
                continue
            assert program == "alembic"
            done = subprocess.run(
                [sys.executable, "-m", "alembic", *arguments],
                cwd=self.folder,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            if shown:
                assert without_chance(done.stderr + done.stdout) == without_chance(shown)

    def newest_revision(self) -> str:
        """What the newest revision does."""
        files = (self.folder / "migrations" / "versions").glob("*.py")
        newest = max(files, key=lambda path: path.stat().st_mtime_ns)
        return newest.read_text()[newest.read_text().index("def upgrade") :]


def rows(connection: Connection, query: str) -> str:
    """The rows of a query as the tutorial shows them."""
    found = connection.exec_driver_sql(query)
    return "".join(f"({', '.join('NULL' if value is None else str(value) for value in row)})\n" for row in found)


def without_chance(output: str) -> str:
    """What Alembic said, without how it was set up, paths, identifiers of revisions and durations."""
    about_itself = (
        r"^INFO  \[alembic\.(?:runtime\.plugins|ddl\.postgresql)\].*\n|^INFO  .* (?:Context impl|Will assume) .*\n"
    )
    output = re.sub(about_itself, "", output, flags=re.MULTILINE)
    output = re.sub(r"^ *Generating (?s:.*?) done\n", "", output, flags=re.MULTILINE)
    return re.sub(r"\b[0-9a-f]{12}\b", "<revision>", re.sub(r"\d+\.\d\d s", "<seconds>", output))


def test_the_tutorial_does_what_it_says(tmp_path: Path, url: URL, engine: Engine) -> None:
    """Every file, command, log line, statement and row of it."""
    reader = Reader(tmp_path, url, engine)
    blocks = list(code_blocks("tutorial.rst"))
    assert len(blocks) > 10
    for block in blocks:
        reader.do(block)


@pytest.mark.filterwarnings("ignore:Autogenerate rendered a drop_constraint")
def test_the_code_on_the_front_page_is_what_is_written(project: Project) -> None:
    """Both the revision of plain Alembic and ours."""
    plain, ours = (block.text for block in code_blocks("index.rst"))
    project.create(models(users=[], posts=[reference("user_id", "users.id")]))
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    assert functions(project.revision().text) == ours
    shutil.rmtree(project.path / "versions")
    (project.path / "versions").mkdir()
    project.options = {"autogenerate_plugins": ["alembic.autogenerate.*"]}
    assert functions(project.revision().text) == plain


def functions(revision: str) -> str:
    """Both functions of a revision, without Alembic's own comments."""
    text = re.sub(r"^ *# ### .*\n", "", revision[revision.index("def upgrade") :], flags=re.MULTILINE)
    return re.sub(r"\n{4,}", "\n\n\n", text.rstrip("\n") + "\n")


def operations() -> list[tuple[str, str]]:
    """The class of Alembic's and the name under which each operation of this package is called."""
    methods = [method for op in vars(ops).values() if isinstance(op, type) for method in vars(op).values()]
    registered = [method.__func__.__doc__ or "" for method in methods if isinstance(method, classmethod)]
    return re.findall(r"via the :meth:`\.(\w+)\.(\w+)` method", "".join(registered))


def page(name: str) -> str:
    """A page's source."""
    return (DOCS / name).read_text()


@pytest.mark.parametrize("name", alembic_cascade.__all__)
def test_the_reference_has_every_public_name(name: str) -> None:
    """A name that nobody can look up is not public."""
    assert re.search(rf"^\.\. auto\w+:: alembic_cascade\.{name}$", page("reference.rst"), re.MULTILINE)
    assert getattr(alembic_cascade, name).__doc__


def test_the_reference_has_every_operation() -> None:
    """Under the name by which a revision calls it, with its docstring."""
    assert len(operations()) >= 5
    prefixes = {"Operations": "op", "BatchOperations": "batch_op"}
    for owner, name in operations():
        assert f"\n.. autofunction:: {prefixes[owner]}.{name}\n" in page("reference.rst")
        assert getattr(getattr(alembic.operations, owner), name).__doc__


def test_the_reference_has_every_argument_of_every_operation() -> None:
    """In a table that says what each means."""
    rows = "\n".join(re.findall(r"^   \* - (.*)$", page("reference.rst"), re.MULTILINE))
    for owner, name in operations():
        signature = inspect.signature(getattr(getattr(alembic.operations, owner), name))
        for argument in list(signature.parameters)[1:]:
            assert f"``{argument}``" in rows, name


def test_the_docstring_of_the_settings_has_every_field() -> None:
    """The reference shows that docstring."""
    for field in fields(CascadeConfig):
        assert f":param {field.name}:" in (CascadeConfig.__doc__ or "")


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.rst")))
def test_no_page_is_left_out(name: str) -> None:
    """The front page leads to each."""
    assert name == "index.rst" or f"\n   {name.removesuffix('.rst')}\n" in page("index.rst")


def test_the_changelog_has_the_version() -> None:
    """In the form of Keep a Changelog."""
    assert re.search(rf"^## \[{re.escape(version('alembic-cascade'))}\] - ", page("changelog.md"), re.MULTILINE)


def posts(**rule: Any) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def orders(target: str) -> MetaData:
    return models(customers=[number("number", unique=True)], orders=[reference("customer", target)])


def notes(**rule: Any) -> MetaData:
    return models(users=[], legacy_notes=[reference("user_id", "users.id", **rule)])


NOT_ENFORCED = {"alembic_cascade": {"enforced": False}}

# The models before and after, and what env.py says.
HOW_TO: dict[str, tuple[MetaData, MetaData, dict[str, Any]]] = {
    "optional": (notes(), notes(ondelete="CASCADE"), configure_options(CascadeConfig(optional_tables=["legacy_*"]))),
    "repoint": (orders("customers.id"), orders("customers.number"), {}),
    "not-valid": (posts(postgresql_not_valid=True), posts(), {}),
    "not-enforced": (posts(), posts(info=NOT_ENFORCED), {}),
    "sqlite": (posts(), posts(ondelete="CASCADE"), {"render_as_batch": True}),
}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (block.options["name"].removeprefix("revision-"), block.text)
        for block in code_blocks("howto.rst")
        if "name" in block.options
    ],
)
def test_the_revisions_of_the_how_to_guides_are_what_is_written(
    project: Project, tmp_path: Path, name: str, shown: str
) -> None:
    """And each goes up, down and up."""
    before, after, options = HOW_TO[name]
    if name == "sqlite":
        project = Project(tmp_path / "sqlite", URL.create("sqlite", database=str(tmp_path / "blog.db")))
    elif name == "not-enforced" and project.fetch("SELECT current_setting('server_version_num')::int")[0][0] < 180000:
        pytest.skip("needs PostgreSQL 18")
    project.create(before)
    if name == "not-valid":
        project.execute(
            "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey, ADD CONSTRAINT posts_user_id_fkey "
            "FOREIGN KEY (user_id) REFERENCES users NOT VALID"
        )
    project.metadata, project.options = after, options
    assert functions(project.revision().text) == shown
    project.upgrade()
    project.check()
    project.downgrade()
    project.upgrade()
    project.check()


def test_a_key_can_be_altered_and_validated_in_two_revisions(project: Project) -> None:
    """As the discussion of locks says; the models are satisfied after the second."""
    project.create(posts())
    project.metadata = posts(ondelete="CASCADE")
    project.options = {"transaction_per_migration": True}
    key = "'posts_user_id_fkey', 'posts', 'users', ['user_id'], ['id']"
    project.write_revision(f"op.alter_foreign_key({key}, ondelete='CASCADE', existing_ondelete=None, not_valid=True)")
    project.write_revision("op.execute('ALTER TABLE posts VALIDATE CONSTRAINT posts_user_id_fkey')")
    project.upgrade()
    project.check()


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.rst")))
def test_all_code_is_python(name: str) -> None:
    """Where nothing runs it, it can at least be read."""
    for block in code_blocks(name):
        if block.language == "python":
            compile(block.text, name, "exec")
