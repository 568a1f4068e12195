"""The user's own triggers: cleaning fires them, a restore does not, and neither leaves them in another state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from scenario import run_up_down_up

from alembic_cascade import OrphansNotSettled
from orphans.posts import hide, key_revision, make, quarantined

if TYPE_CHECKING:
    from project import Project

RULES = ("CASCADE", "SET NULL", "SET DEFAULT")
STATES = {"O": "ENABLE", "D": "DISABLE", "R": "ENABLE REPLICA", "A": "ENABLE ALWAYS"}
FILL = "INSERT INTO posts (id, user_id) SELECT n, CASE WHEN n % 2 = 0 THEN 1 ELSE n + 100 END FROM generate_series(1, 10) n"
PLAIN = ("CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1)",)
PARTITIONED = (
    "CREATE TABLE posts (id int PRIMARY KEY, user_id int DEFAULT 1) PARTITION BY RANGE (id)",
    "CREATE TABLE posts_low PARTITION OF posts FOR VALUES FROM (0) TO (5)",
    "CREATE TABLE posts_high PARTITION OF posts DEFAULT",
)
NOTE = (
    "CREATE TABLE heard (n int GENERATED ALWAYS AS IDENTITY, said text)",
    "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO public.heard (said) VALUES (concat_ws(' ', tg_name, tg_when, tg_op, tg_level));"
    " RETURN CASE tg_op WHEN 'DELETE' THEN old ELSE new END; END $$",
    "CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO public.heard (said) VALUES (concat_ws(' ', tg_name, tg_op, old.id)); RETURN NULL; END $$",
    "CREATE FUNCTION count_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " INSERT INTO public.heard (said) SELECT concat_ws(' ', tg_name, tg_op, count(*)) FROM was; RETURN NULL; END $$",
)
EVERY = "INSERT OR UPDATE OR DELETE"


def heard(project: Project) -> list[str]:
    """What the triggers said since the last time, sorted."""
    return sorted(said for (said,) in project.fetch("DELETE FROM heard RETURNING said"))


def states(project: Project) -> list[tuple[str, str, str]]:
    """Each trigger's table, name and state."""
    return [
        (table, name, state)
        for table, name, state in project.fetch(
            "SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
        )
    ]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("shape", [PLAIN, PARTITIONED], ids=["plain", "partitioned"])
def test_cleaning_fires_what_would_fire_and_a_restore_nothing(
    project: Project, rule: str, state: str, shape: tuple[str, ...]
) -> None:
    """An audit trail should see a removal; what a row was before a trigger is what comes back."""
    make(
        project, *NOTE, *shape, FILL,
        *(f"CREATE TRIGGER {when}_{level} {when} {EVERY} ON posts FOR EACH {level} EXECUTE FUNCTION note()"
          for when in ("BEFORE", "AFTER") for level in ("ROW", "STATEMENT")),
        "CREATE TRIGGER counted_d AFTER DELETE ON posts REFERENCING OLD TABLE AS was EXECUTE FUNCTION count_rows()",
        "CREATE TRIGGER counted_u AFTER UPDATE ON posts REFERENCING OLD TABLE AS was EXECUTE FUNCTION count_rows()",
        *(f"ALTER TABLE posts {STATES[state]} TRIGGER {name}"
          for name in ("before_row", "after_row", "before_statement", "after_statement", "counted_d", "counted_u")),
    )  # fmt: skip
    before = states(project)
    hide(project, "posts_")
    key_revision(project, ondelete=rule)
    project.upgrade()
    done = "DELETE" if rule == "CASCADE" else "UPDATE"
    fired = [f"{when}_row {when.upper()} {done} ROW" for when in ("before", "after") for _ in range(5)]
    fired += [f"{when}_statement {when.upper()} {done} STATEMENT" for when in ("before", "after")]
    fired += [f"counted_{done[0].lower()} {done} 5"]
    assert heard(project) == (sorted(fired) if state in {"O", "A"} else [])
    assert states(project) == before
    project.downgrade()
    assert heard(project) == []
    assert states(project) == before
    assert not quarantined(project)


def test_each_partitions_own_state_of_a_trigger_is_kept(project: Project) -> None:
    """A trigger of the whole is one trigger on each part, which may be switched alone."""
    make(
        project, *NOTE, *PARTITIONED, FILL,
        f"CREATE TRIGGER cloned AFTER {EVERY} ON posts FOR EACH ROW EXECUTE FUNCTION note()",
        f"CREATE TRIGGER \"own, %s 'x'\" AFTER {EVERY} ON posts_low FOR EACH ROW EXECUTE FUNCTION note()",
        "ALTER TABLE posts_low DISABLE TRIGGER cloned",
        "ALTER TABLE posts_high ENABLE ALWAYS TRIGGER cloned",
        "ALTER TABLE posts_low ENABLE REPLICA TRIGGER \"own, %s 'x'\"",
    )  # fmt: skip
    before = states(project)
    assert {state for _, _, state in before} == {"O", "D", "A", "R"}
    hide(project, "posts_")
    key_revision(project, ondelete="CASCADE")
    project.upgrade()
    assert states(project) == before
    assert heard(project) == ["cloned AFTER DELETE ROW"] * 3
    project.downgrade()
    assert states(project) == before
    assert heard(project) == []


@pytest.mark.parametrize("initially", ["IMMEDIATE", "DEFERRED"])
def test_a_constraint_trigger_sees_the_removal_and_not_the_restore(project: Project, initially: str) -> None:
    """One that waits for COMMIT would be waiting when the key is made."""
    make(
        project, *NOTE, *PLAIN, FILL,
        f"CREATE CONSTRAINT TRIGGER watch AFTER {EVERY} ON posts DEFERRABLE INITIALLY {initially} "
        "FOR EACH ROW EXECUTE FUNCTION note_row()",
    )  # fmt: skip
    key_revision(project, ondelete="CASCADE")
    project.upgrade()
    assert heard(project) == [f"watch DELETE {number}" for number in (1, 3, 5, 7, 9)]
    project.downgrade()
    assert heard(project) == []
    assert project.fetch("SELECT count(*) FROM posts") == [(10,)]


@pytest.mark.parametrize("zone", [None, "Asia/Kolkata"])
@pytest.mark.parametrize("rule", ["SET NULL", "SET DEFAULT"])
def test_what_an_updated_at_trigger_wrote_is_taken_back(project: Project, rule: str, zone: str | None) -> None:
    """The row was not changed, if the change was taken back; whoever runs the downgrade, wherever."""
    make(
        project, *PLAIN, FILL, "ALTER TABLE posts ADD updated_at timestamptz DEFAULT '2020-01-01', ADD version int DEFAULT 1",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " new.updated_at := now(); new.version := old.version + 1; RETURN new; END $$",
        "CREATE TRIGGER touch BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION touch()",
    )  # fmt: skip
    key_revision(project, ondelete=rule)
    start = project.fetch("SELECT * FROM posts ORDER BY id")
    project.upgrade()
    assert project.fetch("SELECT count(*) FROM posts WHERE version = 2 AND updated_at > '2021-01-01'") == [(5,)]
    if zone is not None:
        project.execute(f"ALTER DATABASE {project.url.database} SET TimeZone = '{zone}'")
    project.downgrade()
    assert project.fetch("SELECT * FROM posts ORDER BY id") == start


def test_a_column_that_somebody_wrote_since_keeps_what_was_written(project: Project) -> None:
    """Only what the cleaning left is taken back."""
    make(
        project, *PLAIN, FILL, "ALTER TABLE posts ADD version int DEFAULT 1",
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " new.version := old.version + 1; RETURN new; END $$",
        "CREATE TRIGGER touch BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION touch()",
    )  # fmt: skip
    key_revision(project, ondelete="SET NULL")
    project.upgrade()
    project.execute("UPDATE posts SET version = 10 WHERE id = 3")
    project.downgrade()
    assert project.fetch("SELECT id, user_id, version FROM posts WHERE id < 5 ORDER BY id") == [
        (1, 101, 1), (2, 1, 1), (3, 103, 3), (4, 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("rule", "event"), [("CASCADE", "DELETE"), ("SET NULL", "UPDATE"), ("SET DEFAULT", "UPDATE")])
def test_a_trigger_that_keeps_the_rows_is_refused_with_nothing_changed(project: Project, rule: str, event: str) -> None:
    """A soft delete writes a mark and returns NULL: the row is still there, and still an orphan."""
    make(
        project, *NOTE, *PLAIN, FILL, "ALTER TABLE posts ADD deleted boolean DEFAULT false",
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO heard (said) VALUES ('kept'); RETURN CASE WHEN old.id < 6 THEN old END; END $$",
        f"CREATE TRIGGER keep BEFORE {event} ON posts FOR EACH ROW WHEN (NOT old.deleted) EXECUTE FUNCTION keep()",
    )  # fmt: skip
    key_revision(project, ondelete=rule)
    start = project.fetch("SELECT * FROM posts ORDER BY id")
    with pytest.raises(OrphansNotSettled, match="a trigger or a rule"):
        project.upgrade()
    assert project.fetch("SELECT * FROM posts ORDER BY id") == start
    assert heard(project) == []
    assert not project.fetch("SELECT FROM pg_namespace WHERE nspname = 'alembic_cascade'")


@pytest.mark.parametrize("rule", RULES)
def test_event_triggers_may_watch(project: Project, rule: str) -> None:
    """They see the statements of every migration."""
    make(
        project, *NOTE, *PLAIN, FILL,
        "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.heard (said) VALUES (tg_event || ' ' || tg_tag); END $$",
        "CREATE EVENT TRIGGER watch_start ON ddl_command_start EXECUTE FUNCTION watch()",
        "CREATE EVENT TRIGGER watch_end ON ddl_command_end EXECUTE FUNCTION watch()",
        "CREATE EVENT TRIGGER watch_drop ON sql_drop EXECUTE FUNCTION watch()",
    )  # fmt: skip
    try:
        key_revision(project, ondelete=rule)
        run_up_down_up(project, ["posts"])
    finally:
        project.execute(
            "DROP EVENT TRIGGER watch_start", "DROP EVENT TRIGGER watch_end", "DROP EVENT TRIGGER watch_drop"
        )


@pytest.mark.parametrize("role", ["replica", "local"])
def test_the_session_says_which_triggers_fire(project: Project, role: str) -> None:
    """Under session_replication_role = replica an ordinary trigger sleeps, and one of a replica is awake."""
    make(
        project, *NOTE, *PLAIN, FILL,
        "CREATE TRIGGER ordinary AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION note_row()",
        "CREATE TRIGGER replicas AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION note_row()",
        "ALTER TABLE posts ENABLE REPLICA TRIGGER replicas",
        f"ALTER DATABASE {project.url.database} SET session_replication_role = {role}",
    )  # fmt: skip
    before = states(project)
    key_revision(project, ondelete="CASCADE")
    start = project.fetch("SELECT * FROM posts ORDER BY id")
    project.upgrade()
    name = "replicas" if role == "replica" else "ordinary"
    assert heard(project) == [f"{name} DELETE {number}" for number in (1, 3, 5, 7, 9)]
    project.downgrade()
    assert heard(project) == []
    assert project.fetch("SELECT * FROM posts ORDER BY id") == start
    assert states(project) == before


COMMENTS = (
    "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts ON DELETE CASCADE)",
    "INSERT INTO comments SELECT n, n FROM generate_series(1, 10) n",
)


def test_a_trigger_that_removes_the_dependents_itself_is_refused_in_words(project: Project) -> None:
    """What a BEFORE DELETE trigger removes can't be kept: the migration stops, and says why."""
    make(
        project, *PLAIN, FILL, *COMMENTS,
        "CREATE FUNCTION take_along() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " DELETE FROM comments WHERE post_id = old.id; RETURN old; END $$",
        "CREATE TRIGGER take_along BEFORE DELETE ON posts FOR EACH ROW EXECUTE FUNCTION take_along()",
    )  # fmt: skip
    hide(project, "comments")
    key_revision(project, ondelete="CASCADE")
    with pytest.raises(OrphansNotSettled):
        project.upgrade()
    assert project.fetch("SELECT (SELECT count(*) FROM posts), (SELECT count(*) FROM comments)") == [(10, 10)]


def test_a_trigger_that_counts_the_dependents_in_their_parent_does_no_harm(project: Project) -> None:
    """It changes rows that go by the same statement, and they come back as they were."""
    make(
        project, *PLAIN, FILL, *COMMENTS, "ALTER TABLE posts ADD comments int DEFAULT 1",
        "CREATE FUNCTION count_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE posts SET comments = comments - 1 WHERE id = old.post_id; RETURN NULL; END $$",
        "CREATE TRIGGER count_down AFTER DELETE ON comments FOR EACH ROW EXECUTE FUNCTION count_down()",
    )  # fmt: skip
    start = project.fetch("SELECT * FROM posts ORDER BY id")
    hide(project, "comments")
    key_revision(project, ondelete="CASCADE")
    project.upgrade()
    project.downgrade()
    assert project.fetch("SELECT * FROM posts ORDER BY id") == start
    assert project.fetch("SELECT count(*) FROM comments") == [(10,)]


@pytest.mark.parametrize("event", ["DELETE", "INSERT"])
@pytest.mark.parametrize("action", ["ALSO INSERT INTO heard (said) VALUES ('rule')", "INSTEAD NOTHING"])
def test_a_rewrite_rule_is_obeyed_or_refused_in_words(project: Project, event: str, action: str) -> None:
    """A rule may keep a statement from what it says; rows must not get lost on the way."""
    make(project, *NOTE, *PLAIN, FILL)
    key_revision(project, ondelete="CASCADE")
    start = project.fetch("SELECT * FROM posts ORDER BY id")
    project.execute(f"CREATE RULE obstacle AS ON {event} TO posts DO {action}")
    try:
        project.upgrade()
    except OrphansNotSettled:
        assert event == "DELETE"
    else:
        from alembic_cascade import OrphansNotRestored  # noqa: PLC0415

        try:
            project.downgrade()
        except OrphansNotRestored:
            assert quarantined(project) == 5
            return
    assert len(project.fetch("SELECT * FROM posts")) + quarantined(project) == len(start)


def test_checks_put_off_until_commit_are_put_off_again_afterwards(project: Project) -> None:
    """What follows in the same transaction may rely on INITIALLY DEFERRED."""
    make(
        project, *PLAIN, FILL,
        "CREATE TABLE comments (id int PRIMARY KEY, post_id int REFERENCES posts DEFERRABLE INITIALLY DEFERRED)",
    )  # fmt: skip
    project.metadata = None
    project.write_revision(
        "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)\n"
        "op.execute('INSERT INTO comments VALUES (1, 50)')\n"
        "op.execute('INSERT INTO posts VALUES (50, 1)')",
    )
    project.upgrade()
    assert project.fetch("SELECT count(*) FROM comments") == [(1,)]


@pytest.mark.parametrize("rule", RULES)
def test_triggers_run_under_the_settings_of_their_session(project: Project, rule: str) -> None:
    """A trigger may read and write dates as text, and so may a default."""
    make(
        project, *NOTE, *PLAIN, FILL,
        "CREATE FUNCTION say() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO heard (said)"
        " SELECT concat_ws(' ', '03/04/2024'::date, '2 h'::interval, '2024-03-04 00:00 UTC'::timestamptz); RETURN NULL; END $$",
        "CREATE TRIGGER say AFTER UPDATE OR DELETE ON posts FOR EACH STATEMENT EXECUTE FUNCTION say()",
        f"ALTER DATABASE {project.url.database} SET DateStyle = 'SQL, DMY'",
        f"ALTER DATABASE {project.url.database} SET IntervalStyle = iso_8601",
        f"ALTER DATABASE {project.url.database} SET TimeZone = 'Asia/Kolkata'",
    )  # fmt: skip
    key_revision(project, ondelete=rule)
    project.upgrade()
    assert heard(project) == ["03/04/2024 PT2H 04/03/2024 05:30:00 IST"]
