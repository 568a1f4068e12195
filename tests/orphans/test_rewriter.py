"""Where the operations on orphans are put: round which keys, beside other people's hooks, up and down."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate.rewriter import Rewriter
from alembic.operations import ops
from models import models, number, reference
from scenario import run_up_down_up
from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Integer, MetaData, UniqueConstraint

from alembic_cascade import CascadeConfig, configure_options
from alembic_cascade.rewriter import rewrite
from orphans.settling import kept, needs_release, rows, state

if TYPE_CHECKING:
    from project import Project, Revision

CLEAN = "op.clean_orphans('posts', 'users', ['user_id'], ['id'], strategy='quarantine', revision=revision)\n"
RESTORE = "op.restore_orphans('posts', 'users', ['user_id'], ['id'], revision=revision)\n"


def posts(*items: Any, **rule: Any) -> MetaData:
    return models(users=[], posts=[reference("user_id", "users.id", **rule), *items])


@pytest.fixture
def dirty(project: Project) -> Project:
    """Posts without a key, one of them an orphan; the models want a key with CASCADE."""
    project.create(models(users=[], posts=[number("user_id")]))
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, 9)")
    project.metadata = posts(ondelete="CASCADE")
    return project


def hooked(project: Project, hook: Any) -> Project:
    project.options |= configure_options(CascadeConfig(), process_revision_directives=hook)
    return project


def calls(body: str) -> list[str]:
    """The operations of a body, in their order."""
    return re.findall(r"op\.(\w+)\(", body)


def test_a_projects_own_hook_runs_first(dirty: Project) -> None:
    """It sees the operations of Alembic, and none of ours."""
    seen: list[str] = []

    def look(context: Any, revision: Any, directives: list[Any]) -> None:
        seen.extend(type(child).__name__ for table in directives[0].upgrade_ops.ops for child in table.ops)

    text = hooked(dirty, look).revision().upgrade
    assert "CleanOrphansOp" not in seen
    assert calls(text) == ["clean_orphans", "create_foreign_key", "f"]


def test_a_hook_that_empties_the_directives_is_survived(dirty: Project) -> None:
    """Alembic's cookbook does so to leave out empty revisions."""

    def empty(context: Any, revision: Any, directives: list[Any]) -> None:
        directives[:] = []

    command.revision(hooked(dirty, empty).config, "change", autogenerate=True)
    assert list((dirty.path / "versions").glob("*.py")) == []


def test_a_hook_that_puts_in_a_script_of_its_own_gets_its_keys_settled(dirty: Project) -> None:
    """Whoever made the operation, rows stand in its way."""

    def own(context: Any, revision: Any, directives: list[Any]) -> None:
        upgrade = ops.UpgradeOps(
            [ops.CreateForeignKeyOp("own", "posts", "users", ["user_id"], ["id"], ondelete="CASCADE")]
        )
        downgrade = ops.DowngradeOps([ops.DropConstraintOp("own", "posts", "foreignkey")])
        directives[:] = [ops.MigrationScript(directives[0].rev_id, upgrade, downgrade, message="change", head="head")]

    revision = hooked(dirty, own).revision()
    assert calls(revision.upgrade) == ["clean_orphans", "create_foreign_key"]
    dirty.upgrade()
    assert rows(dirty)["posts"] == ["(1,1)"]


def test_a_rewriter_that_takes_the_key_away_leaves_nothing_to_settle(dirty: Project) -> None:
    """Rows would be removed for a key that never comes."""
    rewriter = Rewriter()

    @rewriter.rewrites(ops.CreateForeignKeyOp)
    def none(context: Any, revision: Any, op: ops.CreateForeignKeyOp) -> list[ops.MigrateOperation]:
        return []

    assert "orphans" not in hooked(dirty, rewriter).revision().upgrade


def test_a_rewriter_that_drops_the_downgrade_does_not_lose_the_upgrade(dirty: Project) -> None:
    """A project may have no way down."""

    def no_way_down(context: Any, revision: Any, directives: list[Any]) -> None:
        directives[0].downgrade_ops.ops = []

    revision = hooked(dirty, no_way_down).revision()
    assert calls(revision.upgrade) == ["clean_orphans", "create_foreign_key", "f"]


def test_the_same_directive_is_settled_once(dirty: Project) -> None:
    """The multidb template comes once for each engine."""

    def twice(context: Any, revision: Any, directives: list[Any]) -> None:
        rewrite(context, revision, directives)

    revision = hooked(dirty, twice).revision()
    assert revision.upgrade.count("clean_orphans(") == 1
    assert revision.downgrade.count("restore_orphans(") == 1


def test_in_a_batch_the_operations_stand_outside_of_it(dirty: Project) -> None:
    """They look at the whole table, and are no part of an ALTER TABLE."""
    dirty.options |= {"render_as_batch": True}
    revision = dirty.revision()
    assert revision.upgrade.index("op.clean_orphans(") < revision.upgrade.index("foreign_key(")
    assert "batch_op.clean_orphans" not in revision.text
    assert "\nop.restore_orphans(" in f"\n{revision.downgrade}"
    run_up_down_up(dirty, ["users", "posts"])


def two_keys(**rule: Any) -> MetaData:
    return models(
        users=[], teams=[],
        posts=[reference("user_id", "users.id", **rule), reference("team_id", "teams.id", **rule), number("length")],
    )  # fmt: skip


def test_each_of_two_keys_of_a_table_is_settled_directly_before_it(project: Project) -> None:
    """The second settling finds the first key standing."""
    project.create(models(users=[], teams=[], posts=[number("user_id"), number("team_id")]))
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO teams VALUES (1)")
    project.execute("INSERT INTO posts VALUES (1, 1, 1), (2, 9, 9), (3, 9, 1), (4, 1, 9)")
    project.metadata = two_keys(ondelete="SET NULL")
    revision = project.revision()
    written = [name for name in calls(revision.upgrade) if name != "f"]
    assert written.count("clean_orphans") == 2
    assert all(
        written[place + 1] == "create_foreign_key" for place, name in enumerate(written) if name == "clean_orphans"
    )
    run_up_down_up(project, ["posts"])
    assert [row.rpartition(",")[0] for row in rows(project)["posts"]] == ["(1,1,1", "(2,,", "(3,,1", "(4,1,"]


def test_a_key_of_a_new_table_needs_no_settling(project: Project) -> None:
    """There is no row yet, neither in the upgrade nor, for a table that was dropped, in the downgrade."""
    project.create(models(users=[], old=[reference("user_id", "users.id")]))
    project.metadata = posts(ondelete="CASCADE")
    revision = project.revision()
    assert "create_table" in revision.upgrade
    assert "create_table" in revision.downgrade
    assert "orphans" not in revision.text


def test_a_new_column_with_a_default_is_settled_after_it_is_there(project: Project) -> None:
    """All rows get the default at once, whether it has a parent or not."""
    project.create(models(users=[], posts=[]))
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1), (2)")
    column = Column("user_id", Integer, ForeignKey("users.id", ondelete="SET NULL"), server_default="9")
    project.metadata = models(users=[], posts=[column])
    revision = project.revision()
    assert [name for name in calls(revision.upgrade) if name != "f"] == [
        "add_column",
        "clean_orphans",
        "create_foreign_key",
    ]
    run_up_down_up(project, ["users", "posts"])
    assert rows(project)["posts"] == ["(1,)", "(2,)"]


def test_a_key_that_was_dropped_is_settled_where_the_downgrade_makes_it_again(project: Project) -> None:
    """Rows written in between would make the way down fail half-way."""
    project.create(posts(ondelete="CASCADE"))
    project.metadata = models(users=[], posts=[number("user_id")])
    revision = project.revision()
    assert "orphans" not in revision.upgrade
    assert revision.downgrade.startswith("# posts.user_id -> users.id: orphans go into the quarantine")
    assert CLEAN in revision.downgrade
    project.execute("INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1)")
    project.upgrade()
    project.execute("INSERT INTO posts VALUES (2, 9)")
    project.downgrade()
    assert rows(project)["posts"] == ["(1,1)"]
    assert [len(found) for found in kept(project).values()] == [1]


def test_rows_under_a_key_that_was_not_valid_come_back_before_it_does(project: Project) -> None:
    """Drop, restore, add NOT VALID: it refuses every row that is written while it stands."""
    project.create(models(users=[], posts=[number("user_id")]))
    project.execute(
        "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, 9)",
        "ALTER TABLE posts ADD CONSTRAINT old FOREIGN KEY (user_id) REFERENCES users NOT VALID",
        "COMMENT ON CONSTRAINT old ON posts IS 'kept'",
    )  # fmt: skip
    project.metadata = posts(ondelete="CASCADE")
    revision = project.revision()
    assert [name for name in calls(revision.downgrade) if name != "f"][1] == "restore_orphans"
    assert "not_valid=True" in revision.downgrade
    run_up_down_up(project, ["users", "posts"])
    assert rows(project)["posts"] == ["(1,1)"]


@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_a_key_that_moves_to_another_parent_is_settled_for_the_new_one(project: Project, rule: str) -> None:
    """And for the old one in the downgrade, which may have changed as well."""
    project.create(models(users=[], people=[], posts=[reference("user_id", "users.id", ondelete=rule)]))
    project.execute(
        "INSERT INTO users VALUES (1), (2)",
        "INSERT INTO people VALUES (1), (3)",
        "INSERT INTO posts VALUES (1, 1), (2, 2)",
    )
    project.metadata = models(users=[], people=[], posts=[reference("user_id", "people.id", ondelete=rule)])
    revision = project.revision()
    assert "op.clean_orphans('posts', 'people', ['user_id']" in revision.upgrade
    assert "op.clean_orphans('posts', 'users', ['user_id']" in revision.downgrade
    start = state(project)
    run_up_down_up(project, ["users", "people", "posts"])
    project.execute("INSERT INTO posts VALUES (3, 3)")
    project.downgrade()
    assert rows(project)["posts"] == (["(1,1)", "(2,2)"] if rule == "CASCADE" else ["(1,1)", "(2,2)", "(3,)"])
    assert rows(project)["users"] == start.rows["users"]


def test_a_key_that_moves_within_its_parent_is_settled_before_it_is_translated(project: Project) -> None:
    """A row whose parent has no number can't be translated, nor can one without a parent."""

    def orders(target: str, **rule: Any) -> MetaData:
        return models(
            customers=[number("number"), UniqueConstraint("number", name="customers_number")],
            orders=[reference("customer", target, **rule)],
        )

    project.create(orders("customers.id", ondelete="CASCADE"))
    project.execute(
        "INSERT INTO customers VALUES (1, 100), (2, NULL), (3, 1)",
        "INSERT INTO orders VALUES (1, 1), (2, 2), (3, 3), (4, NULL)",
    )
    project.metadata = orders("customers.number", ondelete="CASCADE")
    revision = project.revision()
    assert "to_cols=['number']" in revision.upgrade
    run_up_down_up(project, ["customers", "orders"])
    assert rows(project)["orders"] == ["(1,100)", "(3,1)", "(4,)"]


def test_a_key_that_comes_into_force_is_settled(project: Project) -> None:
    """It held for nobody, and holds for nobody again after the downgrade."""
    needs_release(project, 18, "NOT ENFORCED")
    project.create(models(users=[], posts=[number("user_id")]))
    project.execute(
        "INSERT INTO users VALUES (1)", "INSERT INTO posts VALUES (1, 1), (2, 9)",
        "ALTER TABLE posts ADD CONSTRAINT old FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE NOT ENFORCED",
    )  # fmt: skip
    project.metadata = posts(ondelete="CASCADE")
    assert CLEAN in project.revision().upgrade
    run_up_down_up(project, ["users", "posts"])
    assert rows(project)["posts"] == ["(1,1)"]


@pytest.mark.parametrize(
    "unchecked", [{"info": {"alembic_cascade": {"enforced": False}}}, {"postgresql_not_valid": True}]
)
def test_a_key_that_looks_at_no_row_settles_none(dirty: Project, unchecked: dict[str, Any]) -> None:
    """NOT VALID and NOT ENFORCED are asked for where rows are to stay as they are."""
    if "info" in unchecked:
        needs_release(dirty, 18, "NOT ENFORCED")
    dirty.metadata = models(
        users=[],
        posts=[number("user_id"), ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE", **unchecked)],
    )
    assert "orphans" not in dirty.revision().text


def test_a_key_of_an_optional_table_is_settled_where_the_table_is(
    dirty: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """One revision serves deployments with and without it."""
    dirty.options |= configure_options(CascadeConfig(optional_tables=["posts"]))
    revision: Revision = dirty.revision()
    assert revision.text.count("if_exists=True") == 4
    run_up_down_up(dirty, ["users", "posts"])
    dirty.downgrade()
    dirty.execute("DROP TABLE posts")
    caplog.set_level("INFO", "alembic.cascade")
    dirty.upgrade()
    dirty.downgrade()
    assert caplog.text.count("posts.user_id -> users.id: skipped, the table posts does not exist") == 2
