"""``report``: what is written, where to, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic.config import CommandLine
from example import ALEMBIC, Example
from orphaned import failure
from rehearsed import REVISION
from report.made import assert_as_kept
from sqlalchemy import URL
from test_cli_process import COMMAND

if TYPE_CHECKING:
    from click.testing import Result
    from rehearsed import Shop

NOWHERE = URL.create("postgresql+psycopg", "nobody", host="127.0.0.1", port=1, database="nothing")

# As `alembic init` writes it, in short.
OFFLINE = """\
from alembic import context
from app_models import Base

context.configure(url=context.config.get_main_option("sqlalchemy.url"), target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
"""

ALTER = (
    'op.alter_foreign_key("posts_user_id_fkey", "posts", "users", ["user_id"], ["id"], ondelete="SET NULL",'
    ' existing_ondelete="CASCADE")'
)

SETTLED = (
    "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision,"
    " max_orphans=None)"
)


def report(shop: Shop, *arguments: str) -> Result:
    return shop.run(*arguments, command="report")


def written(shop: Shop, *arguments: str) -> dict[str, Any]:
    """The document of a report that is made."""
    result = report(shop, *arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    assert document["version"] == 1
    return document


def changes(document: dict[str, Any]) -> list[tuple[str, str, str | None, str | None]]:
    return [
        (
            change["revision"],
            change["key"],
            change["before"] and change["before"]["rule"],
            change["after"] and change["after"]["rule"],
        )
        for change in document["changes"]
    ]


def revisions(document: dict[str, Any]) -> tuple[str | None, str | None, list[str]]:
    told = document["revisions"]
    return told["from"], told["to"], [one["revision"] for one in told["list"]]


@pytest.fixture
def pending(shop: Shop) -> Shop:
    """A shop at revision one, with two revisions that the database lacks."""
    shop.open()
    shop.write("two", ALTER, "pass")
    shop.write("three", 'op.drop_constraint("posts_user_id_fkey", "posts")')
    return shop


def test_what_the_database_lacks_is_told(pending: Shop) -> None:
    """Each revision on its way to head; the first knows the key from the database, the next from the first."""
    document = written(pending)
    assert revisions(document) == ("one", "three", ["two", "three"])
    assert changes(document) == [
        ("two", "posts.user_id -> users.id", "CASCADE", "SET NULL"),
        ("three", "posts.user_id -> users.id", "SET NULL", None),
    ]
    assert [(one["revision"], one["concurrent"], one["reversible"]) for one in document["revisions"]["list"]] == [
        ("two", False, False),
        ("three", False, False),
    ]
    assert [step["title"] for step in document["runbook"]][2] == "Rehearsal"
    assert "alembic downgrade one" in [line for step in document["runbook"] for line in step["commands"]]


def test_where_nothing_is_pending_it_is_the_last_revision(shop: Shop) -> None:
    """And there is nothing to rehearse any more."""
    shop.open()
    shop.migrate("two", ALTER)
    document = written(shop)
    assert revisions(document) == ("one", "two", ["two"])
    assert changes(document) == [("two", "posts.user_id -> users.id", "CASCADE", "SET NULL")]
    assert "Rehearsal" not in [step["title"] for step in document["runbook"]]
    (key,) = document["keys"]
    assert (key["drift"], key["reflected"]["rule"], key["declared"]["rule"]) == (
        "SET NULL -> CASCADE",
        "SET NULL",
        "CASCADE",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two:three", ("one", "three", ["two", "three"])),
        ("three:", ("two", "three", ["three"])),
        (":two", (None, "two", ["one", "two"])),
        ("base:one", (None, "one", ["one"])),
        ("current:heads", (None, "three", ["one", "two", "three"])),
        ("-1:head", ("one", "three", ["two", "three"])),
        (":", (None, "three", ["one", "two", "three"])),
    ],
)
def test_revisions_are_named_as_for_history(
    pending: Shop, text: str, expected: tuple[str | None, str | None, list[str]]
) -> None:
    """Both ends included, relative ones too."""
    assert revisions(written(pending, "--revisions", text)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two", "--revisions two: write FROM:TO, FROM: or :TO, as for alembic history -r."),
        ("a:b:c", "--revisions a:b:c: write FROM:TO, FROM: or :TO, as for alembic history -r."),
        ("nothing:", "--revisions nothing:: No such revision or branch 'nothing'"),
        ("three:two", "--revisions three:two: "),
    ],
)
def test_revisions_that_there_are_not_are_refused(pending: Shop, text: str, said: str) -> None:
    """In one line."""
    assert failure(report(pending, "--revisions", text)).startswith(said)


def test_a_branch_is_pending_whatever_others_there_are(shop: Shop) -> None:
    """It is rehearsed, and the command that takes it back takes back nothing else."""
    shop.open()
    shop.migrate("beside", 'op.execute("CREATE TABLE beside (id integer)")')
    versions = shop.path / "migrations" / "versions"
    text = REVISION.format(
        revision="branch",
        parent="one",
        up='    op.create_table("branch", sa.Column("id", sa.Integer()))',
        down='    op.drop_table("branch")',
    )
    (versions / "branch.py").write_text(text)
    document = written(shop)
    assert revisions(document) == ("one", "branch", ["branch"])
    steps = {step["title"]: step["commands"] for step in document["runbook"]}
    assert steps["Rehearsal"] == ["alembic-cascade rehearse branch"]
    assert steps["Rollback"] == ["alembic downgrade branch@one"]
    CommandLine(prog="alembic").main(["upgrade", "heads"])
    CommandLine(prog="alembic").main(steps["Rollback"][0].split()[1:])
    assert shop.fetch("SELECT version_num FROM alembic_version") == [("beside",)]
    (beside,) = [
        step for step in written(shop, "--revisions", "beside:beside")["runbook"] if step["title"] == "Rollback"
    ]
    assert beside["commands"] == ["alembic downgrade beside@one"]


def test_a_fresh_database_lacks_all_of_them(shop: Shop) -> None:
    """Before the first upgrade, everything is pending."""
    shop.model("""
    class User(Base):
        __tablename__ = "users"
        id: Mapped[int] = mapped_column(primary_key=True)
    """)
    shop.write(
        "one", 'op.create_table("users", sa.Column("id", sa.Integer(), primary_key=True))', 'op.drop_table("users")'
    )
    shop.write("two", "pass")
    document = written(shop)
    assert revisions(document) == (None, "two", ["one", "two"])
    assert [(table["name"], table["in_models"], table["in_database"]) for table in document["tables"]] == [
        ("users", True, False)
    ]


def test_a_project_without_revisions_has_no_runbook(shop: Shop) -> None:
    """And a report all the same."""
    shop.model("")
    document = written(shop)
    assert (revisions(document), document["runbook"], document["tables"]) == ((None, None, []), [], [])


def test_without_a_database_the_models_are_told_of(pending: Shop) -> None:
    """No connection is tried; the last revision is told."""
    pending.connect_to(NOWHERE)
    pending.write_env(OFFLINE)
    document = written(pending, "--models-only")
    assert (document["database"], document["remarks"]) == (
        None,
        ["No database was looked at: this is what the models say."],
    )
    assert revisions(document) == ("two", "three", ["three"])
    # The history knows what the revision drops.
    assert changes(document) == [("three", "posts.user_id -> users.id", "SET NULL", None)]
    assert failure(report(pending, "--models-only", "--revisions", "current:")) == (
        "--revisions current:: without a database, nobody knows which one is current."
    )


def test_without_models_the_database_is_told_of(workplace: Any, engine: Any) -> None:
    """A project may have nothing but revisions."""
    workplace.execute(
        "CREATE TABLE users (id integer PRIMARY KEY)",
        "CREATE SCHEMA billing",
        "CREATE TABLE billing.bills (user_id integer REFERENCES users ON DELETE RESTRICT)",
    )
    from click.testing import CliRunner  # noqa: PLC0415

    from alembic_cascade.cli.commands import cascade  # noqa: PLC0415

    result = CliRunner().invoke(cascade, ["report", "--format", "json"], catch_exceptions=False)
    document = json.loads(result.stdout)
    assert document["remarks"] == ["env.py gives no models: this is what the database says."]
    assert [key["label"] for key in document["keys"]] == ["billing.bills.user_id -> users.id"]
    alone = CliRunner().invoke(cascade, ["report", "--models-only"], catch_exceptions=False)
    assert failure(alone) == "env.py gives context.configure() no target_metadata: there are no models to look at."


def test_another_kind_of_database_is_told_of_by_its_models(pending: Shop, tmp_path: Path) -> None:
    """And the report says that it is."""
    pending.connect_to(URL.create("sqlite", database=str(tmp_path / "shop.db")))
    document = written(pending)
    assert document["remarks"] == [
        "A sqlite database can't be looked at as PostgreSQL can: this is what the models say."
    ]
    assert [key["rule"] for key in document["keys"]] == ["CASCADE"]
    assert revisions(document) == (None, "three", ["one", "two", "three"])


def test_orphans_are_counted_where_they_are_asked_for(shop: Shop) -> None:
    """Without that, only what the database guarantees is known; values are shown with --samples alone."""
    shop.open(
        "CREATE TABLE users (id serial PRIMARY KEY, name text)",
        "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, title text)",
        "INSERT INTO posts (user_id, title) VALUES (7, 'secret'), (8, 'b'), (NULL, 'c')",
    )
    assert [key["orphans"] for key in written(shop)["keys"]] == [None]
    counted = written(shop, "--orphans")
    assert ([key["orphans"] for key in counted["keys"]], counted["samples"]) == ([2], None)
    assert (counted["counts"]["orphans"], counted["orphans_counted"]) == (2, True)
    shown = written(shop, "--orphans", "--samples")["samples"]
    assert shown == {"posts.user_id -> users.id": [["1", "7"], ["2", "8"]]}
    shop.execute("DELETE FROM posts", "ALTER TABLE posts ADD FOREIGN KEY (user_id) REFERENCES users")
    assert [key["orphans"] for key in written(shop)["keys"]] == [0]


def test_rows_in_quarantine_are_told_of(shop: Shop) -> None:
    """By revision and table; the quarantine's own tables are none of the project's."""
    shop.open(
        "CREATE TABLE users (id serial PRIMARY KEY, name text)",
        "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, title text)",
        "INSERT INTO posts (user_id) VALUES (7), (8)",
    )
    shop.migrate("two", SETTLED)
    document = written(shop)
    assert document["quarantine"] == [{"revision": "two", "table": "posts", "rows": 2}]
    assert {table["name"]: table["quarantined"] for table in document["tables"]} == {"posts": 2, "users": 0}


def test_nothing_is_changed(pending: Shop) -> None:
    """Revisions are read, and rows at most counted."""
    before = pending.state()
    written(pending, "--orphans", "--samples")
    assert pending.state() == before


def test_findings_are_no_failure(pending: Shop) -> None:
    """A report is no gate: audit is."""
    document = written(pending)
    assert [finding["rule"] for finding in document["findings"]] == ["unindexed-foreign-key"]
    assert document["findings"][0]["place"]["file"] == "app_models.py"


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("report.html", "<!DOCTYPE html>"),
        ("report.md", "# Foreign keys of "),
        ("report.json", '{\n  "version": 1,'),
        ("report.mmd", "flowchart LR\n"),
        ("report.dot", "digraph report {\n"),
        ("report.SVG", "<?xml"),
    ],
)
def test_the_suffix_says_what_it_is_to_be(pending: Shop, name: str, begins: str) -> None:
    """The same text as on standard output by --format."""
    result = report(pending, "-o", name)
    assert (result.exit_code, result.output) == (0, "")
    text = (pending.path / name).read_text()
    assert text.startswith(begins)
    format_ = {"mmd": "mermaid"}.get(name.rpartition(".")[2], name.rpartition(".")[2].lower())
    assert report(pending, "--format", format_).stdout == text
    assert [path.name for path in pending.path.iterdir() if path.name.endswith(".draft")] == []


def test_without_a_file_and_a_format_it_is_markdown(pending: Shop) -> None:
    """To be read, or to be piped into a file."""
    assert report(pending).stdout.startswith("# Foreign keys of ")


def test_what_is_there_is_replaced_as_a_whole(pending: Shop) -> None:
    """With its mode; a link stays one."""
    target, link = pending.path / "kept.md", pending.path / "link.md"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to(target)
    assert report(pending, "-o", str(link)).exit_code == 0
    assert link.is_symlink()
    assert target.read_text().startswith("# Foreign keys of ")
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_behind_standard_output_is_said_in_one_line(pending: Shop) -> None:
    """And is no status of findings."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(pending.path), *sys.path])}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, "report"], cwd=pending.path, env=environment, check=False,
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=300,
        )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (2, "error: It could not be written: No space left on device.\n")


def test_nothing_that_lies_beside_it_is_touched(pending: Shop) -> None:
    """In a folder that others write to, a link under the name of a draft would lead to a file of theirs to choose."""
    victim, names = pending.path / "victim", []
    victim.write_text("precious")
    for name in (".report.md.draft", ".report.draft", "report.md.draft"):
        (pending.path / name).symlink_to(victim)
        names.append(name)
    assert report(pending, "-o", "report.md").exit_code == 0
    assert victim.read_text() == "precious"
    assert not (pending.path / "report.md").is_symlink()
    assert sorted(path.name for path in pending.path.iterdir() if path.name.endswith(".draft")) == sorted(names)


def test_a_name_may_be_as_long_as_the_system_lets_it(pending: Shop) -> None:
    """A draft needs no letters of its own."""
    name = f"{'r' * 252}.md"
    assert report(pending, "-o", name).exit_code == 0
    assert (pending.path / name).is_file()


def test_a_link_to_itself_is_refused(pending: Shop) -> None:
    """In one line, whatever Python says of it."""
    (pending.path / "loop.md").symlink_to("loop.md")
    assert failure(report(pending, "-o", "loop.md")).startswith("loop.md can't be written: ")


def test_a_pipe_is_written_to(pending: Shop) -> None:
    """It is no file that could be replaced."""
    result = report(pending, "-o", os.devnull, "--format", "md")
    assert (result.exit_code, Path(os.devnull).is_char_device()) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "nowhere/report.md"], "There is no directory nowhere for report.md. Make it first."),
        (["-o", "migrations", "--format", "md"], "migrations is a directory. Name a file in it."),
        (
            ["--table", "postz"],
            "--table postz: neither the models nor the database have a table of that name. There is: posts.",
        ),
    ],
)
def test_what_can_t_be_made_is_said_in_one_line(pending: Shop, arguments: list[str], said: str) -> None:
    """With what to do."""
    assert failure(report(pending, *arguments)) == said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "report.pdf"], "What report.pdf is to be can't be told by its suffix. Say it by --format."),
        (["-o", "report"], "What report is to be can't be told by its suffix. Say it by --format."),
        (["--depth", "1"], "--depth is counted from --table, which is missing."),
        (["--table", "users", "--depth", "-1"], "Invalid value for '--depth': -1 is not in the range x>=0."),
        (["--table", "a.b.c"], "'a.b.c' is not of the form [schema.]table"),
        (["--rule", "CASCADING"], "Invalid value for '--rule'"),
        (["--samples"], "--samples shows orphans, which --orphans counts. Say both."),
        (
            ["--orphans", "--models-only"],
            "--orphans counts rows of the database, at which --models-only does not look.",
        ),
    ],
)
def test_a_wrong_usage_is_refused(pending: Shop, arguments: list[str], said: str) -> None:
    """Before anything is looked at."""
    result = report(pending, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_report_is_narrowed(pending: Shop) -> None:
    """To a table and what is near it, or to keys of a rule."""
    pending.execute("CREATE TABLE lonely (id integer)")
    near = written(pending, "--table", "users", "--depth", "1")
    assert [table["name"] for table in near["tables"]] == ["posts", "users"]
    assert near["reach"] == {"users": [{"table": "posts", "depth": 1, "effect": "deleted", "key": 0}]}
    assert near["narrowed"] == "This is a part: the tables that are at most 1 key away from users."
    none = written(pending, "--rule", "set null")
    assert (none["tables"], none["keys"], none["narrowed"]) == ([], [], "This is a part: keys with SET NULL.")


def test_a_diagram_that_mermaid_would_not_draw_is_refused(shop: Shop) -> None:
    """With a hint; part of it is drawn."""
    shop.open(
        "CREATE TABLE users (id serial PRIMARY KEY, name text)",
        "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer REFERENCES users, title text)",
        *(f"CREATE TABLE t{number} (post_id integer REFERENCES posts)" for number in range(499)),
    )
    assert failure(report(shop, "--format", "mermaid")).startswith(
        "There are 500 keys, and Mermaid draws 500 lines at most."
    )
    assert report(shop, "--format", "mermaid", "--table", "t1", "--depth", "1").exit_code == 0


def test_without_pygraphviz_one_line_says_how_to_get_it(pending: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """SVG alone needs it; the page has a Graphviz of its own."""
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setattr("alembic_cascade.report.svg.find_spec", lambda _name: None)
    assert failure(report(pending, "--format", "svg")) == (
        "pygraphviz is missing, which lays diagrams out: pip install alembic-cascade[report]"
    )
    assert report(pending, "--format", "dot").exit_code == 0
    # The page draws itself.
    assert report(pending, "--format", "html").exit_code == 0


def test_a_role_that_may_not_see_the_quarantine_gets_the_rest(shop: Shop) -> None:
    """And the report says what is missing."""
    shop.open(
        "CREATE TABLE users (id serial PRIMARY KEY, name text)",
        "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, title text)",
        "INSERT INTO posts (user_id) VALUES (7), (8)",
    )
    shop.migrate("two", SETTLED)
    shop.execute(
        "DROP ROLE IF EXISTS cascade_reader", "CREATE ROLE cascade_reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO cascade_reader",
    )  # fmt: skip
    try:
        shop.connect_to(shop.engine.url.set(username="cascade_reader"))
        document = written(shop)
    finally:
        shop.execute("DROP OWNED BY cascade_reader", "DROP ROLE cascade_reader")
    assert len(document["tables"]) >= 2
    assert [remark.partition(":")[0] for remark in document["remarks"]] == ["The quarantine could not be looked at"]


def test_keys_of_schemas_that_no_model_names_are_remarked_on(shop: Shop) -> None:
    """A delete comes upon them, and neither diagram nor reach has them; what the search path shows is no other schema."""
    shop.open(
        "CREATE TABLE users (id serial PRIMARY KEY, name text)",
        "CREATE TABLE posts (id serial PRIMARY KEY, user_id integer, title text)",
        "CREATE SCHEMA shown", "CREATE TABLE shown.badges (user_id integer REFERENCES public.users)",
        f'ALTER DATABASE "{shop.engine.url.database}" SET search_path = public, shown',
    )  # fmt: skip
    assert written(shop)["remarks"] == []
    shop.execute("CREATE SCHEMA other")
    for number in range(6):
        shop.execute(f"CREATE TABLE other.log_{number} (user_id integer REFERENCES public.users)")
    assert written(shop)["remarks"] == [
        "Keys of schemas that no model names refer to these tables, and are not shown: "
        "other.log_0.user_id -> public.users.id, other.log_1.user_id -> public.users.id, "
        "other.log_2.user_id -> public.users.id, other.log_3.user_id -> public.users.id, "
        "other.log_4.user_id -> public.users.id and 1 more."
    ]


def test_the_report_on_seed_000_is_as_it_was(tmp_path: Path, url: URL) -> None:
    """Before the migration that its author wanted: to the letter, in every run and whatever the hash seed."""
    example = Example(tmp_path / "project", url)
    example.run(*ALEMBIC, "upgrade", "0001")
    example.plan()
    example.environment["PYTHONHASHSEED"] = "1"
    text = example.run(*COMMAND, "report")
    example.environment["PYTHONHASHSEED"] = "2"
    assert example.run(*COMMAND, "report") == text
    for before in ("# Foreign keys of ", "--dbname="):
        assert text.count(f"{before}{url.database}\n") == 1
        text = text.replace(f"{before}{url.database}\n", f"{before}collaboration\n")
    assert_as_kept("collaboration.md", text)
