"""What becomes of orphans, and who said so: the whole text of a revision, then up, down and up on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, number, reference
from scenario import run_up_down_up
from sqlalchemy import MetaData
from sqlalchemy.exc import IntegrityError

from alembic_cascade import CascadeConfig, OrphansRemain, configure_options
from orphans.settling import kept, refused, rows, state

if TYPE_CHECKING:
    from project import Project

ROWS = ("INSERT INTO users VALUES (0), (1)", "INSERT INTO posts VALUES (1, 1), (2, 9), (3, NULL)")


def posts(**rule: Any) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule)])


def drifted(project: Project, *statements: str, **rule: Any) -> Project:
    """Posts without a key, one of them an orphan; the models want the key."""
    project.create(models(users=[], posts=[number("user_id", server_default="0")]))
    project.execute(*ROWS, *statements)
    project.metadata = posts(**rule)
    return project


def configured(project: Project, **settings: Any) -> Project:
    project.options = configure_options(CascadeConfig(**settings))
    return project


WHOLE = "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy={!r}, revision=revision)\n"
LONG = """\
op.clean_orphans(
    'posts', 'users', ['user_id'], ['id'],
    strategy={!r}, revision=revision{},
)
"""
DOWN = """\
op.drop_constraint(op.f('posts_user_id_fkey'), 'posts', type_='foreignkey')
op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision)
"""

BY_RULE = {
    "CASCADE": (
        "quarantine",
        "# posts.user_id -> users.id: orphans go into the quarantine, as ON DELETE CASCADE would delete them\n",
        ["(1,1)", "(3,)"],
    ),
    "SET NULL": (
        "set_null",
        "# posts.user_id -> users.id: orphans get NULL in user_id, as by ON DELETE SET NULL; old values go\n"
        "# into the quarantine\n",
        ["(1,1)", "(2,)", "(3,)"],
    ),
    "SET DEFAULT": (
        "set_default",
        "# posts.user_id -> users.id: orphans get the default in user_id, as by ON DELETE SET DEFAULT; old\n"
        "# values go into the quarantine\n",
        ["(1,1)", "(2,0)", "(3,)"],
    ),
}


@pytest.mark.parametrize("rule", BY_RULE)
def test_by_default_the_keys_own_rule_decides(project: Project, rule: str) -> None:
    """What the key would have done, had the parent been deleted under it."""
    strategy, remark, left = BY_RULE[rule]
    revision = drifted(project, ondelete=rule).revision()
    made = (
        f"op.create_foreign_key(op.f('posts_user_id_fkey'), 'posts', 'users', ['user_id'], ['id'], ondelete={rule!r})\n"
    )
    assert revision.upgrade == remark + WHOLE.format(strategy) + made
    assert revision.downgrade == DOWN
    run_up_down_up(project, ["users", "posts"])
    assert rows(project)["posts"] == left


@pytest.mark.parametrize("rule", [None, "RESTRICT"])
def test_a_rule_that_stops_a_delete_stops_the_migration(project: Project, rule: str | None) -> None:
    """The error holds the line that would settle the rows."""
    revision = drifted(project, ondelete=rule).revision()
    assert revision.upgrade.startswith(
        "# posts.user_id -> users.id: orphans stop the migration, as ON DELETE "
        f"{rule or 'NO ACTION'} would stop a delete\n" + WHOLE.format("fail")
    )
    error = refused(project, OrphansRemain, "1 row of posts by posts.user_id -> users.id has no parent: user_id = 9")
    assert isinstance(error, OrphansRemain)
    assert (error.table, error.count, error.samples) == ("posts", 1, ("9",))


SAID = {
    "quarantine": ("orphans go into the quarantine", ["(1,1)", "(3,)"]),
    "set_null": ("orphans get NULL in user_id", ["(1,1)", "(2,)", "(3,)"]),
    "set_default": ("orphans get the default in user_id", ["(1,1)", "(2,0)", "(3,)"]),
}
PLACES = ("orphans", "orphan_overrides", "info")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("strategy", SAID)
def test_a_strategy_may_be_said_in_three_places(project: Project, strategy: str, place: str) -> None:
    """For all keys, for some, for one; the line above the operation says where."""
    words, left = SAID[strategy]
    info: dict[str, Any] = {}
    reason = f"as orphans={strategy!r} says"
    if place == "orphans":
        configured(project, orphans=strategy)
    elif place == "orphan_overrides":
        configured(project, orphans="fail", orphan_overrides={"posts.user_*": strategy})
        reason = "as orphan_overrides['posts.user_*'] says"
    else:
        configured(project, orphans=None, orphan_overrides={"*.*": "fail"})
        info = {"info": {"alembic_cascade": {"orphans": strategy, "max_orphans": 7}}}
        reason = f"as info={{'orphans': {strategy!r}}} of the key says"
    text = drifted(project, ondelete="CASCADE", **info).revision().upgrade
    remark = " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("#"))
    assert remark.startswith(f"posts.user_id -> users.id: {words}, {reason}")
    assert f"strategy={strategy!r}" in text
    assert ("max_orphans=7" in text) == (place == "info")
    run_up_down_up(project, ["users", "posts"])
    assert rows(project)["posts"] == left


@pytest.mark.parametrize("place", PLACES)
def test_deleting_for_good_is_said_so_and_keeps_nothing(project: Project, place: str) -> None:
    """There is nothing to restore, and the downgrade does not pretend."""
    settings: dict[str, Any] = {
        "orphans": {"orphans": "delete"}, "orphan_overrides": {"orphan_overrides": {"posts.user_id": "delete"}}, "info": {},
    }[place]  # fmt: skip
    info = {"info": {"alembic_cascade": {"orphans": "delete"}}} if place == "info" else {}
    revision = drifted(configured(project, **settings), **info).revision()
    assert "DELETED FOR GOOD" in revision.upgrade
    assert "restore_orphans" not in revision.downgrade
    project.upgrade()
    assert rows(project)["posts"] == ["(1,1)", "(3,)"]
    assert kept(project) == {}
    project.downgrade()
    assert rows(project)["posts"] == ["(1,1)", "(3,)"]


@pytest.mark.parametrize("place", PLACES)
def test_none_writes_nothing(project: Project, place: str) -> None:
    """The revision is what it would be without the plugin's care for rows."""
    settings: dict[str, Any] = {
        "orphans": {"orphans": None}, "orphan_overrides": {"orphan_overrides": {"posts.user_id": None}}, "info": {},
    }[place]  # fmt: skip
    info = {"info": {"alembic_cascade": {"orphans": None}}} if place == "info" else {}
    revision = drifted(configured(project, **settings), ondelete="CASCADE", **info).revision()
    assert "orphans" not in revision.text
    assert "#" not in revision.upgrade
    start = state(project)
    with pytest.raises(IntegrityError, match="posts_user_id_fkey"):
        project.upgrade()
    assert state(project) == start


OVERRIDES = {
    "no pattern fits": ({"users.*": "fail", "posts.id": "fail"}, "quarantine"),
    "the last one counts": ({"posts.user_id": "fail", "*.*": "set_null"}, "set_null"),
    "the last one counts, though it is less exact": ({"*.*": "set_null", "posts.user_id": "fail"}, "fail"),
    "with its schema": ({"public.posts.user_id": "set_null"}, "set_null"),
    "with a glob for the schema": ({"pub*.po?ts.*_id": "set_null"}, "set_null"),
    "of another schema": ({"other.posts.user_id": "set_null"}, "quarantine"),
    "back to the rule": ({"posts.*": "fail", "posts.user_id": "on_delete"}, "quarantine"),
    "capitals are letters of their own": ({"POSTS.user_id": "fail"}, "quarantine"),
}


@pytest.mark.parametrize(("overrides", "strategy"), OVERRIDES.values(), ids=OVERRIDES)
def test_of_several_patterns_the_last_that_fits_counts(
    project: Project, overrides: dict[str, str], strategy: str
) -> None:
    """As in a file of ignored paths: exceptions stand below the rule."""
    configured(project, orphan_overrides=overrides)
    assert f"strategy={strategy!r}" in drifted(project, ondelete="CASCADE").revision().upgrade


SETTINGS = {
    "max_orphans=None": ({"max_orphans": None}, ", max_orphans=None"),
    "max_orphans=5": ({"max_orphans": 5}, ", max_orphans=5"),
    "max_orphans=1": ({"max_orphans": 1}, ", max_orphans=1"),
    "max_orphans=1.0": ({"max_orphans": 1.0}, ", max_orphans=1.0"),
    "max_orphans=0.1": ({"max_orphans": 0.1}, ""),
    "trust_valid_keys": ({"trust_valid_keys": False}, ", trust_valid_keys=False"),
    "quarantine_schema": ({"quarantine_schema": "set %aside"}, ", quarantine_schema='set %aside'"),
    "quarantine_schema=None": ({"quarantine_schema": None}, ", quarantine_schema=None"),
    "optional_tables": ({"optional_tables": ["posts"]}, ", if_exists=True"),
}


@pytest.mark.parametrize(("settings", "written"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_is_in_the_text_and_todays_env_changes_nothing(
    project: Project, settings: dict[str, Any], written: str
) -> None:
    """The revision runs the same under the settings of another day, up and down."""
    revision = drifted(configured(project, **settings), ondelete="CASCADE").revision()
    text = revision.upgrade.partition("\nop.")[2]
    expected = LONG.format("quarantine", written) if written else WHOLE.format("quarantine")
    assert (
        f"op.{text}".startswith(expected)
        or expected.replace("\n    ", " ").replace(",\n)", ")").replace("( ", "(") in f"op.{text}"
    )
    assert ("quarantine_schema" in written) == ("quarantine_schema" in revision.downgrade)
    project.metadata = posts(ondelete="CASCADE")
    start = rows(project)
    configured(project, orphans=None, max_orphans=0, quarantine_schema="elsewhere", trust_valid_keys=True)
    project.upgrade()
    stores = list(kept(project))
    assert len(stores) == 1
    home = settings.get("quarantine_schema", "alembic_cascade")
    assert stores[0].replace('"', "").startswith(f"{home}." if home else "public.alembic_cascade_")
    configured(project, orphans="fail", quarantine_schema="elsewhere still")
    project.downgrade()
    assert rows(project) == start
    assert kept(project) == {}


@pytest.mark.parametrize("schema", ["alembic_cascade", "aside", None])
def test_what_was_set_aside_is_nobodys_drift(project: Project, schema: str | None) -> None:
    """Neither beside the user's tables nor with all schemas compared."""
    configured(project, quarantine_schema=schema)
    project.options["include_schemas"] = True
    drifted(project, ondelete="CASCADE").revision()
    project.upgrade()
    assert len(kept(project)) == 1
    project.check()
