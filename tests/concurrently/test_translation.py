"""References translated to another column of their parent, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from models import models, number, reference
from orphans.settling import rows, state, there_and_back
from scenario import run_scenario, run_up_down_up
from sqlalchemy import ForeignKeyConstraint, MetaData, UniqueConstraint

from alembic_cascade import CascadeConfig, ReferencesNotTranslatable, configure_options
from concurrently.translated_orders import FILL, as_role, assert_nothing_is_left, orders, translated

if TYPE_CHECKING:
    from project import Project


UPGRADE = """\
op.begin_concurrently(revision)
with op.get_context().autocommit_block():
    # orders.customer -> customers.number: orphans go into the quarantine, as ON DELETE CASCADE would
    # delete them
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['id'],
        strategy='quarantine', revision=revision, to_cols=['number'], check_only=True, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['number'],
        ondelete='CASCADE', not_valid=True,
        existing_remote_cols=['id'], existing_ondelete=None, existing_not_valid=False, translate=True,
        concurrently=True,
    )
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['number'],
        strategy='quarantine', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['number'],
        ondelete='CASCADE', not_valid=False, existing_not_valid=True, concurrently=True,
    )
"""
DOWNGRADE = """\
op.begin_concurrently(down_revision)
with op.get_context().autocommit_block():
    # orders.customer -> customers.id: orphans stop the migration, as ON DELETE NO ACTION would stop a
    # delete
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['number'],
        strategy='fail', revision=revision, to_cols=['id'], check_only=True, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['id'],
        ondelete=None, not_valid=True,
        existing_remote_cols=['number'], existing_ondelete='CASCADE', existing_not_valid=False,
        translate=True, concurrently=True,
    )
    op.clean_orphans(
        'orders', 'customers', ['customer'], ['id'],
        strategy='fail', revision=revision, concurrently=True,
    )
    op.alter_foreign_key(
        'orders_customer_fkey', 'orders', 'customers', ['customer'], ['id'],
        not_valid=False, existing_not_valid=True, concurrently=True,
    )
    op.restore_orphans(
        'orders', 'customers', ['customer'], ['number'],
        revision=revision, concurrently=True,
    )
"""


def test_another_column_of_the_parent(project: Project) -> None:
    """Keys are exchanged, references translated, and nobody waits for the rows."""
    project.options = configure_options(CascadeConfig(concurrently=True))
    run_scenario(
        project, before=orders("id"), after=orders("number", ondelete="CASCADE"), setup=FILL,
        tables=["customers", "orders"], upgrade=UPGRADE, downgrade=DOWNGRADE,
    )  # fmt: skip
    assert rows(project)["orders"] == ["(1,100)", "(2,200)", "(3,)", "(4,100)", "(5,4)"]
    assert_nothing_is_left(project)


@pytest.mark.parametrize("rule", ["CASCADE", "SET NULL"])
def test_a_reference_that_can_not_be_translated_is_settled(project: Project, rule: str) -> None:
    """Its parent has no number; the way down gives the row back as it was."""
    translated(project, *FILL, "INSERT INTO orders VALUES (6, 3)", ondelete=rule)
    upgraded = there_and_back(project)["orders"]
    assert upgraded == ["(1,100)", "(2,200)", "(3,)", "(4,100)", "(5,4)"] + (["(6,)"] if rule == "SET NULL" else [])


@pytest.mark.parametrize("settings", [{"orphans": None}, {"orphan_overrides": {"orders.customer": None}}])
def test_without_a_word_on_orphans_the_key_is_valid_as_well(project: Project, settings: dict[str, Any]) -> None:
    """Who settles nothing still wants the key that the model declares."""
    project.options = configure_options(CascadeConfig(concurrently=True, **settings))
    project.create(orders("id"))
    project.execute(*FILL)
    project.metadata = orders("number", ondelete="CASCADE")
    assert "orphans" not in project.revision().text
    run_up_down_up(project, ["orders"])
    assert project.fetch("SELECT convalidated FROM pg_constraint WHERE contype = 'f'") == [(True,)]


def test_a_tree_translates_itself(project: Project) -> None:
    """Parent and child are rows of one table."""

    def nodes(target: str) -> MetaData:
        key = UniqueConstraint("number", name="nodes_number")
        return models(nodes=[number("number"), key, reference("up", f"nodes.{target}", ondelete="CASCADE")])

    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(nodes("id"))
    project.execute("INSERT INTO nodes SELECT n, n + 100, nullif(n / 2, 0) FROM generate_series(1, 7) AS n")
    project.metadata = nodes("number")
    project.revision()
    assert there_and_back(project)["nodes"][1:4] == ["(2,102,101)", "(3,103,101)", "(4,104,102)"]


def test_one_of_two_columns_is_translated(project: Project) -> None:
    """The other one means the same before and after."""

    def lines(target: str) -> MetaData:
        unique = [UniqueConstraint("tenant", name, name=f"by_{name}") for name in ("id", "number")]
        key = ForeignKeyConstraint(["tenant", "item"], ["items.tenant", f"items.{target}"], ondelete="CASCADE")
        return models(
            items=[number("tenant"), number("number"), *unique], lines=[number("tenant"), number("item"), key]
        )

    project.options = configure_options(CascadeConfig(concurrently=True))
    project.create(lines("id"))
    # Number 1 of tenant 8 is the id of an item of tenant 7.
    project.execute(
        "INSERT INTO items VALUES (1, 7, 10), (2, 7, 20), (3, 8, 1)",
        "INSERT INTO lines VALUES (1, 7, 1), (2, 8, 3), (3, NULL, 2)",
    )
    project.metadata = lines("number")
    assert "translate=True" in project.revision().upgrade
    assert there_and_back(project)["lines"] == ["(1,7,10)", "(2,8,1)", "(3,,2)"]


OVERLAPS = {"another's id": "(1, 2), (2, 200)", "each other's": "(1, 2), (2, 1)", "an unused one's": "(1, 100), (2, 1)"}


@pytest.mark.parametrize("customers", OVERLAPS.values(), ids=OVERLAPS)
def test_values_that_mean_two_customers_are_refused(project: Project, customers: str) -> None:
    """Which one a reference means could not be told while it is translated."""
    translated(project, f"INSERT INTO customers VALUES {customers}", "INSERT INTO orders VALUES (1, 1), (2, 2)")
    start = state(project)
    with pytest.raises(
        ReferencesNotTranslatable, match=r"values of customers\.id are also values of customers\.number"
    ) as refused:
        project.upgrade()
    assert "without concurrently" in str(refused.value)
    assert state(project) == start
    assert_nothing_is_left(project)


RIGHTS = {"superuser": None, "owner": "", "owner that may": 'GRANT SET ON PARAMETER session_replication_role TO "{}"'}


@pytest.mark.parametrize("triggers", ["", "ALWAYS", "REPLICA", "DISABLE"])
@pytest.mark.parametrize("rights", RIGHTS.values(), ids=RIGHTS)
def test_the_users_triggers_do_not_fire(project: Project, rights: str | None, triggers: str) -> None:
    """A row means what it meant before; whether the migration's role may switch all triggers off or not."""
    with as_role(project, rights):
        translated(project, *FILL, ondelete="CASCADE")
        change = "DISABLE" if triggers == "DISABLE" else f"ENABLE {triggers}"
        project.execute(
            "CREATE TABLE heard (said text)",
            "CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO heard VALUES (TG_OP); RETURN NEW; END$$",
            "CREATE TRIGGER each BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION hear()",
            "CREATE TRIGGER whole AFTER INSERT OR UPDATE ON orders EXECUTE FUNCTION hear()",
            f"ALTER TABLE orders {change} TRIGGER each", f"ALTER TABLE orders {change} TRIGGER whole",
        )  # fmt: skip
        assert there_and_back(project)["orders"] == ["(1,100)", "(2,200)", "(3,)", "(4,100)", "(5,4)"]
        assert project.fetch("TABLE heard") == []
        project.execute("INSERT INTO orders VALUES (9, 1)")
        assert len(project.fetch("TABLE heard")) == (0 if triggers in {"DISABLE", "REPLICA"} else 2)
