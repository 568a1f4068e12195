"""``--sql``: the script, run by psql, does what ``alembic upgrade`` and ``downgrade`` do concurrently, and can be run again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from models import models, number, reference
from orphans.settling import kept, rows, state
from psql import ScriptFailed, run_script
from sqlalchemy import MetaData, UniqueConstraint

from alembic_cascade import CascadeConfig, configure_options
from concurrently.settled_posts import moments

if TYPE_CHECKING:
    from project import Project


def blog(target: str | None, **rule: Any) -> MetaData:
    key = number("user_id") if target is None else reference("user_id", target, **rule)
    unique = UniqueConstraint("number", name="users_number")
    return models(users=[number("number"), unique], people=[], posts=[key])


FILL = (
    "INSERT INTO users SELECT n, n + 100 FROM generate_series(1, 4) AS n", "INSERT INTO people VALUES (1), (2)",
    "INSERT INTO posts SELECT n, n % 4 + 1 FROM generate_series(1, 12) AS n",
    "CREATE TABLE likes (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
    "INSERT INTO likes SELECT n, n % 12 + 1 FROM generate_series(1, 24) AS n",
)  # fmt: skip
ORPHANS = "INSERT INTO posts SELECT n, n FROM generate_series(21, 27) AS n"
# Before, statements, after, how many batches are set aside, and the posts that are left.
CHANGES: dict[str, tuple[MetaData, tuple[str, ...], MetaData, int, int]] = {
    "a new key": (blog(None), (*FILL, ORPHANS), blog("users.id", ondelete="CASCADE"), 4, 12),
    "a new key that sets NULL": (blog(None), (*FILL, ORPHANS), blog("users.id", ondelete="SET NULL"), 4, 19),
    "another rule": (blog("users.id"), FILL, blog("users.id", ondelete="CASCADE"), 0, 12),
    "a key that is validated": (
        blog(None),
        (*FILL, ORPHANS, "ALTER TABLE posts ADD CONSTRAINT posts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT VALID"),
        blog("users.id", ondelete="CASCADE"), 4, 12,
    ),
    "another parent": (blog("users.id"), FILL, blog("people.id", ondelete="CASCADE"), 3, 6),
    "another column": (blog("users.id"), FILL, blog("users.number", ondelete="CASCADE"), 0, 12),
    "a key that goes": (blog("users.id"), FILL, blog(None), 0, 12),
}  # fmt: skip


def written(project: Project, change: str) -> Project:
    """The tables of a change, and its revision r1, which settles two orphans at a time."""
    before, setup, project.metadata, *_ = CHANGES[change]
    project.options = {
        **configure_options(CascadeConfig(concurrently=True)),
        "include_object": lambda _item, name, kind, *_: kind != "table" or name != "likes",
    }
    project.create(before)
    project.execute(*setup)
    project.revision(rev_id="r1")
    path = project.path / "versions" / "r1_change.py"
    in_batches = re.sub(r"(op\.clean_orphans\((?:(?!check_only|\)\n).)*?)(concurrently=True)", r"\1batch_size=2, \2", path.read_text(), flags=re.DOTALL)  # fmt: skip
    path.write_text(in_batches)
    return project


@pytest.mark.parametrize("change", CHANGES)
def test_a_script_does_what_the_upgrade_and_the_downgrade_do(project: Project, change: str) -> None:
    """The same schema, the same rows, the same in the quarantine."""
    written(project, change)
    *_, batches, left = CHANGES[change]
    start = state(project)
    project.upgrade()
    upgraded, aside = state(project), kept(project)
    assert len(upgraded.rows["posts"]) == left
    assert (moments(project) if aside else 0) == batches
    project.downgrade()
    assert state(project) == start
    project.execute("DROP TABLE alembic_version")
    run_script(project.url, project.upgrade_script())
    assert (state(project), kept(project)) == (upgraded, aside)
    assert (moments(project) if aside else 0) == batches
    project.check()
    run_script(project.url, project.downgrade_script("r1:base"))
    assert state(project) == start
    assert project.fetch("SELECT version_num FROM alembic_version") == []


def statements(script: str) -> list[str]:
    """Its statements; bodies of functions hold semicolons of their own."""
    parts = re.split(r"(\$cascade\$.*?\$cascade\$)", script, flags=re.DOTALL)
    whole = "".join(part.replace(";\n", ";\0") if number % 2 == 0 else part for number, part in enumerate(parts))
    return [part for part in whole.split("\0") if part.strip()]


@pytest.mark.parametrize("change", CHANGES)
def test_a_script_that_was_cut_off_is_run_from_its_start(project: Project, change: str) -> None:
    """After each of its steps, both ways; what is done already is not done again."""
    written(project, change)
    start = state(project)
    whole, back = project.upgrade_script(), project.downgrade_script("r1:base")
    run_script(project.url, whole)
    upgraded, aside = state(project), kept(project)
    run_script(project.url, back)
    for script, end in ((whole, (upgraded, aside)), (back, (start, {}))):
        listed = statements(script)
        cuts = [place for place, statement in enumerate(listed) if "CALL pg_temp.cascade_repeat(" in statement]
        assert cuts
        for place in cuts:
            if script == whole:
                project.execute("DROP TABLE IF EXISTS alembic_version")
            run_script(project.url, "".join(listed[: place + 1]))
            # The table of versions was committed with the first steps, and is no step of a revision.
            run_script(project.url, script.replace("CREATE TABLE alembic_version", "CREATE TABLE IF NOT EXISTS alembic_version"))  # fmt: skip
            assert (state(project), kept(project)) == end, listed[place][:200]
            if place != cuts[-1]:
                run_script(project.url, back if script == whole else f"DROP TABLE alembic_version; {whole}")


def test_a_script_that_was_cut_off_between_two_batches_goes_on(project: Project) -> None:
    """Its session is gone with what it had listed."""
    written(project, "a new key")
    start = state(project)
    project.upgrade()
    upgraded, aside = state(project), kept(project)
    project.downgrade()
    project.execute("DROP TABLE alembic_version")
    script = project.upgrade_script()
    # In the third batch of two.
    project.execute(
        "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF (SELECT count(*) < 4 FROM posts WHERE id > 20) THEN RAISE 'the plug is pulled'; END IF; RETURN OLD; END$$",
        "CREATE TRIGGER stop BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION stop()",
    )
    with pytest.raises(ScriptFailed, match="the plug is pulled"):
        run_script(project.url, script)
    assert project.fetch("SELECT count(*) FROM posts WHERE id > 20") == [(3,)]
    project.execute("DROP FUNCTION stop CASCADE")
    run_script(
        project.url, script.replace("CREATE TABLE alembic_version", "CREATE TABLE IF NOT EXISTS alembic_version")
    )
    assert (state(project), kept(project)) == (upgraded, aside)
    run_script(project.url, project.downgrade_script("r1:base"))
    assert state(project) == start


def test_a_script_skips_tables_that_this_deployment_lacks(project: Project) -> None:
    """Known only where the script runs: both ways, with a line for each step."""
    project.options = configure_options(CascadeConfig(concurrently=True, optional_tables=["posts", "people"]))
    project.create(blog(None))
    project.metadata = blog("users.id", ondelete="CASCADE")
    project.revision(rev_id="r1")
    script, back = project.upgrade_script(), project.downgrade_script("r1:base")
    project.execute("DROP TABLE posts")
    start = state(project)
    assert (
        run_script(project.url, script).count("posts.user_id -> users.id: skipped, the table posts does not exist") == 4
    )
    assert (
        run_script(project.url, back).count("posts.user_id -> users.id: skipped, the table posts does not exist") == 2
    )
    assert state(project) == start


REFUSED = {
    "orphans": (("INSERT INTO posts VALUES (1, 1), (2, 9)",), {}, "have no parent|has no parent"),
    "too many": (("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 8), (2, 9)"), {"orphans": "quarantine", "max_orphans": 1}, "max_orphans is 1"),
    "no table": (("DROP TABLE posts",), {}, "the table posts does not exist"),
}  # fmt: skip


@pytest.mark.parametrize(("setup", "settings", "message"), REFUSED.values(), ids=REFUSED)
def test_a_refusal_stops_the_script_before_its_first_step(
    project: Project, setup: tuple[str, ...], settings: dict[str, Any], message: str
) -> None:
    """Psql says what Alembic would have said, and goes no further."""
    project.options = configure_options(CascadeConfig(concurrently=True, **settings))
    project.create(blog(None))
    project.metadata = blog("users.id")
    project.revision(rev_id="r1")
    script = project.upgrade_script()
    project.execute(*setup)
    start = state(project)
    with pytest.raises(ScriptFailed, match=message) as failed:
        run_script(project.url, script)
    assert str(failed.value).count("ERROR:") == 1
    assert state(project) == start
    assert project.fetch("TABLE alembic_version") == []


def test_a_script_stops_at_an_error_without_being_told_to(project: Project) -> None:
    """Psql would go on by itself, and write down a revision that was not run."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(blog(None))
    project.metadata = blog("users.id")
    project.revision(rev_id="r1")
    script = project.upgrade_script()
    project.execute("INSERT INTO posts VALUES (1, 9)")
    start = state(project)
    with pytest.raises(ScriptFailed, match="has no parent") as failed:
        run_script(project.url, f"\\set ON_ERROR_STOP off\n{script}")
    assert str(failed.value).count("ERROR:") == 1
    assert state(project) == start
    assert project.fetch("TABLE alembic_version") == []


def test_one_script_runs_an_ordinary_and_a_concurrent_revision(project: Project) -> None:
    """Each ends its own transaction, or has none."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(models(users=[], posts=[]))
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1)")
    project.metadata = models(users=[], posts=[reference("user_id", "users.id", ondelete="CASCADE")])
    assert len(project.revisions()) == 2
    start = state(project)
    script = project.upgrade_script()
    assert script.count("CREATE OR REPLACE FUNCTION pg_temp.cascade_try(") == 1
    run_script(project.url, script)
    project.check()
    assert rows(project)["posts"] == ["(1,)"]
    run_script(project.url, project.downgrade_script("head:base"))
    assert state(project) == start
