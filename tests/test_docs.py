"""The documentation: the tutorial does what it says, and the reference names everything that is public."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import alembic.operations
import pytest
from models import add_table, models, number, reference
from project import Project
from sqlalchemy import URL, Column, Connection, DateTime, Engine, ForeignKey, Integer, MetaData, Table, Text

import alembic_cascade
from alembic_cascade import CascadeConfig, CascadeError, LifecycleColumn, configure_options, errors, ops
from alembic_cascade.config import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.rst") if "_build" not in path.parts)

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
            case "models.py, at the end":
                with (self.folder / "models.py").open("a") as models:
                    models.write(f"\n\n{block.text}")
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
    project.options = {"autogenerate_plugins": ["alembic.autogenerate.*"], "process_revision_directives": None}
    assert functions(project.revision().text) == plain
    readme = (DOCS.parent / "README.md").read_text()
    assert f"```python\n{plain}```\n" in readme
    assert f"```python\n{ours}```\n" in readme


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


def test_every_error_is_public() -> None:
    """Who catches one by name looks it up in the reference, which has every public name."""
    kinds = {name: value for name, value in vars(errors).items() if isinstance(value, type) and name[0] != "_"}
    defined = {name for name, value in kinds.items() if issubclass(value, CascadeError)}
    assert len(defined) >= 18
    assert defined <= set(alembic_cascade.__all__)


def test_the_reference_has_every_operation() -> None:
    """Under the name by which a revision calls it, with its docstring."""
    assert len(operations()) >= 7
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


def test_the_reference_has_every_strategy() -> None:
    """In a table that says what each means."""
    for strategy in STRATEGIES:
        assert f'   * - ``"{strategy}"``' in page("reference.rst")


def test_the_reference_has_every_column_of_the_quarantine(project: Project) -> None:
    """With its type, and in its order."""
    project.create(KEYLESS)
    project.execute(*ORPHANS)
    project.metadata = posts(ondelete="CASCADE")
    identifier = project.revision().revision
    project.upgrade()
    columns = project.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
        f"WHERE attrelid = 'alembic_cascade.\"{identifier}_public_posts\"'::regclass AND attnum > 0"
    )
    shown = re.findall(r"^   \* - ``(cascade_\w+)``\n     - ``(\w+)``$", page("reference.rst"), re.MULTILINE)
    types = {"timestamp with time zone": "timestamptz"}
    assert [(name, types.get(type_, type_)) for name, type_ in columns[:-2]] == shown
    assert [name for name, _ in columns[-2:]] == ["id", "user_id"]


def test_the_docstring_of_the_settings_has_every_field() -> None:
    """The reference shows that docstring."""
    for setting in fields(CascadeConfig):
        assert f":param {setting.name}:" in (CascadeConfig.__doc__ or "")


def test_no_page_is_left_out() -> None:
    """The front page leads to each, by tables of contents; the rules' own takes them all."""
    found: set[str] = set()
    pending = ["index"]
    while pending:
        name = pending.pop()
        found.add(f"{name}.rst")
        tables = re.findall(r"^\.\. toctree::\n((?:   .*\n|\n)+)", page(f"{name}.rst") + "\n", re.MULTILINE)
        entries = {entry for table in tables for entry in re.findall(r"^   ([a-z][\w/-]*)$", table, re.MULTILINE)}
        pending += [entry for entry in entries if (DOCS / f"{entry}.rst").exists() and f"{entry}.rst" not in found]
    assert {name for name in PAGES if not name.startswith("rules/")} == found


def test_the_page_of_the_command_line_has_every_command_and_option() -> None:
    """What nobody can look up is found by nobody."""
    from alembic_cascade.cli.commands import cascade  # noqa: PLC0415

    commands = {
        f"{name} {below}".strip(): command
        for name, group in cascade.commands.items()
        for below, command in getattr(group, "commands", {"": group}).items()
    }
    for name, command in commands.items():
        assert f"\n{name}\n---" in page("cli.rst")
        for parameter in command.params:
            if parameter.opts[0] not in {"-c", "-n", "-x", "--config", "--name"}:
                shown = {parameter.opts[0].split("/")[0], parameter.name.upper()}
                assert any(word in page("cli.rst") for word in shown), (name, parameter.opts)


def test_the_changelog_has_the_version() -> None:
    """In the form of Keep a Changelog."""
    assert re.search(rf"^## \[{re.escape(version('alembic-cascade'))}\] - ", page("changelog.md"), re.MULTILINE)


def posts(**rule: Any) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def orders(target: str) -> MetaData:
    return models(customers=[number("number", unique=True)], orders=[reference("customer", target)])


def notes(**rule: Any) -> MetaData:
    return models(users=[], legacy_notes=[reference("user_id", "users.id", **rule)])


def clicks(*constraints: ForeignKey) -> MetaData:
    metadata = models(users=[])
    Table("clicks", metadata, Column("user_id", Integer, *constraints), Column("page", Text))
    return metadata


def events(*user: Any) -> MetaData:
    metadata = models(users=[])
    add_table(metadata, "events", *user, postgresql_partition_by="RANGE (id)")
    return metadata


def channels() -> MetaData:
    created_at = Column("created_at", DateTime(timezone=True))
    return models(channels=[], chat_messages=[reference("channel_id", "channels.id"), created_at])


def cascade(**settings: Any) -> dict[str, Any]:
    return configure_options(CascadeConfig(**settings))


NOT_ENFORCED = {"alembic_cascade": {"enforced": False}}
FAIL = {"alembic_cascade": {"orphans": "fail", "max_orphans": 0}}

# Without a key, and with rows of a user who is gone.
KEYLESS = models(users=[], posts=[number("user_id")])
ORPHANS = ("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (10, 1), (20, 2), (30, 2)")


@dataclass(frozen=True)
class Guide:
    """The models before and after, what env.py says, and rows that are there."""

    before: MetaData
    after: MetaData
    options: dict[str, Any] = field(default_factory=dict)
    rows: tuple[str, ...] = ()


HOW_TO = {
    "optional": Guide(notes(), notes(ondelete="CASCADE"), cascade(optional_tables=["legacy_*"])),
    "repoint": Guide(orders("customers.id"), orders("customers.number")),
    "not-valid": Guide(posts(postgresql_not_valid=True), posts()),
    "not-enforced": Guide(posts(), posts(info=NOT_ENFORCED)),
    "sqlite": Guide(posts(), posts(ondelete="CASCADE"), {"render_as_batch": True}),
    "override": Guide(KEYLESS, posts(ondelete="CASCADE"), cascade(orphan_overrides={"posts.*": "set_null"}), ORPHANS),
    "info": Guide(KEYLESS, posts(ondelete="CASCADE", info=FAIL)),
    "no-rule": Guide(KEYLESS, posts(), cascade(orphans="quarantine"), ORPHANS),
    "set-null": Guide(KEYLESS, posts(ondelete="SET NULL"), {}, ORPHANS),
    "more-orphans": Guide(KEYLESS, posts(ondelete="CASCADE"), cascade(max_orphans=5000), ORPHANS),
    "no-primary-key": Guide(
        clicks(),
        clicks(ForeignKey("users.id", ondelete="SET NULL")),
        cascade(orphan_overrides={"clicks.user_id": "quarantine"}),
        ("INSERT INTO users VALUES (1)", "INSERT INTO clicks VALUES (1, 'a'), (2, 'b'), (2, 'b')"),
    ),
    "place": Guide(KEYLESS, posts(ondelete="CASCADE"), cascade(quarantine_schema=None), ORPHANS),
    "concurrently": Guide(KEYLESS, posts(ondelete="CASCADE"), cascade(concurrently=["posts"]), ORPHANS),
    "concurrent-repoint": Guide(orders("customers.id"), orders("customers.number"), cascade(concurrently=True)),
    "lifecycle": Guide(
        channels(),
        channels(),
        cascade(
            lifecycle=[
                LifecycleColumn(
                    "last_message_at", tables="channels", set_from="chat_messages.created_at", backfill=True
                )
            ]
        ),
    ),
    "index": Guide(posts(), posts(ondelete="CASCADE"), cascade(concurrently=["posts"], index_foreign_keys=True)),
    "partitioned": Guide(
        events(number("user_id")),
        events(reference("user_id", "users.id", ondelete="CASCADE")),
        {"include_name": lambda name, type_, _parents: not (type_ == "table" and name.startswith("events_"))},
        (
            "CREATE TABLE events_low PARTITION OF events FOR VALUES FROM (0) TO (25)",
            "CREATE TABLE events_high PARTITION OF events FOR VALUES FROM (25) TO (50)",
            ORPHANS[0],
            ORPHANS[1].replace("posts", "events"),
        ),
    ),
}


def named_blocks(kind: str) -> list[Any]:
    """The blocks of all pages whose names begin with ``kind``."""
    blocks = [block for page in PAGES for block in code_blocks(page)]
    found = [(block.options.get("name", ""), block.text) for block in blocks]
    return [
        pytest.param(name.removeprefix(kind), text, id=name.removeprefix(kind))
        for name, text in found
        if name.startswith(kind)
    ]


def test_each_guide_with_a_revision_is_tested() -> None:
    """And no test is left of a guide that is gone."""
    assert sorted(parameters.id for parameters in named_blocks("revision-")) == sorted(HOW_TO)


@pytest.mark.parametrize(("name", "shown"), named_blocks("revision-"))
def test_the_revisions_of_the_how_to_guides_are_what_is_written(
    project: Project, tmp_path: Path, name: str, shown: str
) -> None:
    """And each goes up, down to the same rows, and up."""
    guide = HOW_TO[name]
    if name == "sqlite":
        project = Project(tmp_path / "sqlite", URL.create("sqlite", database=str(tmp_path / "blog.db")))
    elif name == "not-enforced" and project.fetch("SELECT current_setting('server_version_num')::int")[0][0] < 180000:
        pytest.skip("needs PostgreSQL 18")
    project.create(guide.before)
    if name == "not-valid":
        project.execute(
            "ALTER TABLE posts DROP CONSTRAINT posts_user_id_fkey, ADD CONSTRAINT posts_user_id_fkey "
            "FOREIGN KEY (user_id) REFERENCES users NOT VALID"
        )
    project.execute(*guide.rows)
    stored = stored_rows(project, guide.before)
    project.metadata, project.options = guide.after, guide.options
    assert functions(project.revision().text) == shown
    project.upgrade()
    project.check()
    assert (stored_rows(project, guide.before) != stored) == bool(guide.rows)
    project.downgrade()
    assert stored_rows(project, guide.before) == stored
    project.upgrade()
    project.check()


def stored_rows(project: Project, metadata: MetaData) -> dict[str, list[str]]:
    """All rows of all tables."""
    return {name: sorted(map(repr, project.fetch(f"SELECT * FROM {name}"))) for name in metadata.tables}


MISTAKES = {
    "stop": Guide(KEYLESS, posts(), {}, ORPHANS),
    "too-many": Guide(
        KEYLESS,
        posts(ondelete="CASCADE"),
        {},
        (
            "INSERT INTO users VALUES (1)",
            "INSERT INTO posts SELECT n, CASE WHEN n <= 120 THEN 2 ELSE 1 END FROM generate_series(1, 200) AS n",
        ),
    ),
    "no-primary-key": Guide(
        clicks(),
        clicks(ForeignKey("users.id", ondelete="SET NULL")),
        {},
        ("INSERT INTO users VALUES (1)", "INSERT INTO clicks VALUES (2, 'b')"),
    ),
}


def test_each_guide_with_an_error_is_tested() -> None:
    """And no test is left of a guide that is gone."""
    assert sorted(parameters.id for parameters in named_blocks("error-")) == sorted(MISTAKES)


@pytest.mark.parametrize(("name", "shown"), named_blocks("error-"))
def test_the_errors_of_the_how_to_guides_are_what_is_said(project: Project, name: str, shown: str) -> None:
    """Word for word, and nothing is changed."""
    guide = MISTAKES[name]
    project.create(guide.before)
    project.execute(*guide.rows)
    stored = stored_rows(project, guide.before)
    project.metadata, project.options = guide.after, guide.options
    project.revision()
    with pytest.raises(CascadeError) as error:
        project.upgrade()
    assert str(error.value).split() == shown.split()
    assert stored_rows(project, guide.before) == stored


def test_a_revision_that_is_written_by_hand_takes_back_what_it_says(project: Project) -> None:
    """Orphans come back; what its own UPDATE did does not, as the page says."""
    (body,) = [block.text for block in code_blocks("howto/hand-written.rst") if block.options.get("name")]
    project.create(KEYLESS)
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (10, 1), (20, 2), (30, -5)")
    head = "from alembic import op\n\nrevision = 'r1'\ndown_revision = None\n\n\n"
    (project.path / "versions" / "r1.py").write_text(head + body)
    project.upgrade()
    found = "SELECT confdeltype::text, obj_description(oid, 'pg_constraint') FROM pg_constraint WHERE contype = 'f'"
    assert project.fetch(found) == [("n", "posts outlive their authors")]
    assert project.fetch("SELECT * FROM posts ORDER BY id") == [(10, 1), (20, None), (30, None)]
    project.downgrade()
    assert project.fetch(found) == []
    assert project.fetch("SELECT * FROM posts ORDER BY id") == [(10, 1), (20, 2), (30, None)]


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


@pytest.mark.parametrize("name", PAGES)
def test_all_code_is_python(name: str) -> None:
    """Where nothing runs it, it can at least be read."""
    for block in code_blocks(name):
        if block.language == "python":
            compile(block.text, name, "exec")
