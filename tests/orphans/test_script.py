"""``--sql``: the script, run by psql, settles and restores as ``alembic upgrade`` and ``downgrade`` would have done."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING

import pytest
from models import models, number, reference
from psql import ScriptFailed, run_script

from alembic_cascade import CascadeConfig, configure_options
from orphans.settling import kept, rows, state, write_key

if TYPE_CHECKING:
    from project import Project

LEVELS = (
    "CREATE TABLE users (id int PRIMARY KEY)",
    "CREATE TABLE posts (id int PRIMARY KEY, user_id int)",
    "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
    "CREATE TABLE likes (id int PRIMARY KEY, comment_id int REFERENCES comments ON DELETE SET NULL, post_id int)",
    "CREATE TABLE marks (id int PRIMARY KEY, comment_id int REFERENCES comments ON DELETE CASCADE, note text)",
    "INSERT INTO users VALUES (1)",
    "INSERT INTO posts VALUES (1, 1), (2, 9), (3, NULL), (4, 8)",
    "INSERT INTO comments VALUES (1, 1), (2, 2), (3, 2), (4, 4)",
    "INSERT INTO likes VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4)",
    r"INSERT INTO marks VALUES (1, 1, 'a'), (2, 2, 'it''s :x %s \ $cascade$'), (3, 4, NULL)",
)
KEY = ("posts", "users", ["user_id"], ["id"])


@pytest.mark.parametrize("strategy", ["quarantine", "set_null", "delete"])
def test_three_levels_come_out_as_online(project: Project, strategy: str) -> None:
    """Rows and quarantine, up and down; by either way up and the other way down."""
    project.execute(*LEVELS)
    write_key(project, *KEY, strategy=strategy)
    start = state(project)
    if strategy == "delete":
        run_script(project.url, project.upgrade_script())
        assert (rows(project)["posts"], rows(project)["marks"], kept(project)) == (["(1,1)", "(3,)"], ["(1,1,a)"], {})
        return
    project.upgrade()
    upgraded, aside = state(project), kept(project)
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == start
    project.execute("DROP TABLE IF EXISTS alembic_version")
    run_script(project.url, project.upgrade_script())
    assert (state(project), kept(project)) == (upgraded, aside)
    project.downgrade()
    assert state(project) == start


REFUSED = {
    "OrphansRemain": (
        {"strategy": "fail"},
        (),
        "2 rows of posts by posts.user_id -> users.id have no parent: user_id = 8, 9",
    ),
    "TooManyOrphans": ({"settling": "max_orphans=1"}, (), "2 rows of posts have no parent"),
    "OrphansNotSettled": ({"strategy": "set_null"}, ("ALTER TABLE posts ALTER user_id SET NOT NULL",), "NOT NULL"),
    "blocked": (
        {},
        ("CREATE TABLE x (id int, post_id int REFERENCES posts)", "INSERT INTO x VALUES (1, 2)"),
        "1 row of x refer",
    ),
    "TableNotFound": ({}, ("DROP TABLE users",), "the table users does not exist"),
}


@pytest.mark.parametrize(("revision", "statements", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_stops_the_script_and_changes_nothing(
    project: Project, revision: dict[str, str], statements: tuple[str, ...], message: str
) -> None:
    """What psql says is the message, with what to do about it."""
    project.execute(*(statement for statement in LEVELS), "DELETE FROM posts WHERE user_id IS NULL")
    project.execute(*statements)
    write_key(project, *KEY, **revision)  # type: ignore[arg-type]
    start = state(project)
    with pytest.raises(ScriptFailed) as error:
        run_script(project.url, project.upgrade_script())
    said = str(error.value)
    assert said.count("ERROR:") == 1
    assert message in said
    assert ("HINT:  Nothing was changed." in said) == ("does not exist" not in said)
    assert state(project) == start
    assert project.fetch("SELECT to_regclass('alembic_version'), to_regnamespace('alembic_cascade')") == [(None, None)]


def test_one_script_runs_two_revisions(project: Project) -> None:
    """Each sets aside under its own name, and the way back is as long."""
    project.execute(*LEVELS)
    write_key(project, *KEY)
    write_key(project, "likes", "posts", ["post_id"], ["id"], strategy="set_null")
    path = project.path / "versions" / "r2.py"
    path.write_text(path.read_text().replace("'coming'", "'second'"))
    start = state(project)
    project.upgrade()
    upgraded, aside = state(project), kept(project)
    assert {store.split(".")[1].partition("_")[0] for store in aside} == {"r1", "r2"}
    project.downgrade("base")
    assert state(project) == start
    project.execute("DROP TABLE alembic_version")
    script = project.upgrade_script()
    assert script.count("FUNCTION pg_temp.cascade_clean_orphans(") == 1
    run_script(project.url, script)
    assert (state(project), kept(project)) == (upgraded, aside)
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == start


def test_a_transaction_for_each_revision_keeps_what_was_done_before_the_error(project: Project) -> None:
    """The functions live as long as the session, beyond the COMMIT between the two."""
    project.execute(*LEVELS)
    write_key(project, *KEY)
    write_key(project, "likes", "posts", ["post_id"], ["id"], strategy="fail")
    project.options["transaction_per_migration"] = True
    with pytest.raises(ScriptFailed, match="likes"):
        run_script(project.url, project.upgrade_script())
    assert project.fetch("SELECT version_num FROM alembic_version") == [("r1",)]
    assert rows(project)["posts"] == ["(1,1)", "(3,)"]


def test_an_autogenerated_revision_is_scripted_with_an_absent_optional_table(project: Project) -> None:
    """The deployment is known only where the script runs."""
    project.create(models(users=[], posts=[number("user_id")], legacy=[number("user_id")]))
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, 9)")
    project.options = configure_options(CascadeConfig(optional_tables=["legacy"]))
    rule = {"ondelete": "CASCADE"}
    project.metadata = models(
        users=[], posts=[reference("user_id", "users.id", **rule)], legacy=[reference("user_id", "users.id", **rule)]
    )
    project.revision()
    project.execute("DROP TABLE legacy", "DROP TABLE alembic_version")
    start = state(project)
    run_script(project.url, project.upgrade_script())
    project.check()
    assert rows(project)["posts"] == ["(1,1)"]
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == start


def test_a_script_leaves_nothing_in_the_session_that_others_would_see(project: Project) -> None:
    """Functions and lists are temporary, settings are given back."""
    project.execute(*LEVELS)
    write_key(project, *KEY)
    script = project.upgrade_script()
    check = (
        "DO $$ BEGIN IF current_setting('row_security') <> 'on' OR current_setting('datestyle') <> 'ISO, MDY' "
        "OR EXISTS (SELECT FROM pg_class WHERE relname IN ('cascade_rows', 'cascade_keys')) THEN RAISE 'left over'; END IF; END $$;"
    )
    run_script(project.url, script.replace("COMMIT;", f"{check}\nCOMMIT;\n{check}"))
    for _ in range(100):  # a backend clears its temporary schema away while it goes
        left = project.fetch("SELECT proname FROM pg_proc WHERE proname LIKE 'cascade%'")
        if not left:
            break
        sleep(0.1)
    assert left == []
