"""Which columns a strategy changes: those that the rule lists, defaults with and without a parent, MATCH FULL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from models import models, number
from scenario import run_up_down_up
from sqlalchemy import ForeignKeyConstraint

from alembic_cascade import CascadeConfig, OrphansNotSettled, configure_options
from orphans.settling import refused, rows, there_and_back, write_key

if TYPE_CHECKING:
    from project import Project

COMPOSITE = (
    "CREATE TABLE orders (id int, region int DEFAULT 0, PRIMARY KEY (id, region))",
    "CREATE TABLE lines (id int PRIMARY KEY, order_id int DEFAULT 5, region int NOT NULL DEFAULT 0, free int)",
    "INSERT INTO orders VALUES (1, 1), (5, 0), (5, 2)",
    "INSERT INTO lines VALUES (1, 1, 1), (2, 1, 2), (3, NULL, 9), (4, 8, 8)",
)


def test_only_the_listed_columns_become_null(project: Project) -> None:
    """SET NULL (order_id) leaves the region, which takes no NULL."""
    project.create(
        models(
            orders=[number("region", primary_key=True)], lines=[number("order_id"), number("region", nullable=False)]
        )
    )
    project.execute("INSERT INTO orders VALUES (1, 1)", "INSERT INTO lines VALUES (1, 1, 1), (2, 1, 2), (3, NULL, 9)")
    project.metadata = models(
        orders=[number("region", primary_key=True)],
        lines=[
            number("order_id"), number("region", nullable=False),
            ForeignKeyConstraint(["order_id", "region"], ["orders.id", "orders.region"], ondelete="SET NULL (order_id)"),
        ],
    )  # fmt: skip
    project.options = configure_options(
        CascadeConfig(orphan_overrides={"lines.region": "on_delete", "lines.id": "fail"})
    )
    upgrade = project.revision().upgrade
    assert upgrade.startswith(
        "# lines.(order_id, region) -> orders.(id, region): orphans get NULL in order_id, as by ON DELETE SET\n# NULL (order_id);"
    )
    assert "columns=['order_id']" in upgrade
    run_up_down_up(project, ["orders", "lines"])
    assert rows(project)["lines"] == ["(1,1,1)", "(2,,2)", "(3,,9)"]


@pytest.mark.parametrize(
    ("strategy", "columns", "left"),
    [
        ("set_null", ["order_id"], ["(1,1,1,)", "(2,,2,)", "(3,,9,)", "(4,,8,)"]),
        ("set_default", ["order_id", "region"], ["(1,1,1,)", "(2,5,0,)", "(3,,9,)", "(4,5,0,)"]),
        ("set_default", None, ["(1,1,1,)", "(2,5,0,)", "(3,,9,)", "(4,5,0,)"]),
    ],
)
def test_columns_of_a_composite_key_are_changed_together_or_alone(
    project: Project, strategy: str, columns: list[str] | None, left: list[str]
) -> None:
    """The default of all of them has a parent."""
    project.execute(*COMPOSITE)
    settling = f"columns={columns!r}"
    write_key(
        project, "lines", "orders", ["region", "order_id"], ["region", "id"], strategy=strategy, settling=settling
    )
    assert there_and_back(project)["lines"] == left


@pytest.mark.parametrize("columns", [["order_id"], ["region"]])
def test_a_default_without_a_parent_is_refused(project: Project, columns: list[str]) -> None:
    """One orphan would have been changed into another."""
    project.execute(*COMPOSITE)
    settling = f"columns={columns!r}"
    write_key(
        project, "lines", "orders", ["order_id", "region"], ["id", "region"], strategy="set_default", settling=settling
    )
    refused(project, OrphansNotSettled, r"set to the default, [12] rows? of lines would still have no parent")


MATCH_FULL = (
    "CREATE TABLE orders (id int, region int, PRIMARY KEY (id, region))",
    "CREATE TABLE lines (id int PRIMARY KEY, order_id int, region int)",
    "INSERT INTO orders VALUES (1, 1)",
    "INSERT INTO lines VALUES (1, 1, 1), (2, 1, 2), (3, NULL, 9), (4, 8, NULL), (5, NULL, NULL)",
)


@pytest.mark.parametrize(
    ("strategy", "left"),
    [("quarantine", ["(1,1,1)", "(5,,)"]), ("set_null", ["(1,1,1)", "(2,,)", "(3,,)", "(4,,)", "(5,,)"])],
)
def test_match_full_takes_no_row_that_is_partly_null(project: Project, strategy: str, left: list[str]) -> None:
    """MATCH SIMPLE lets such rows be."""
    project.execute(*MATCH_FULL)
    write_key(
        project,
        "lines",
        "orders",
        ["order_id", "region"],
        ["id", "region"],
        strategy=strategy,
        settling="match='FULL'",
        rule="match='FULL'",
    )
    assert there_and_back(project)["lines"] == left


def test_match_full_with_one_column_cleared_is_refused(project: Project) -> None:
    """What remains would be partly NULL."""
    project.execute(*MATCH_FULL)
    settling = "match='FULL', columns=['order_id']"
    write_key(
        project,
        "lines",
        "orders",
        ["order_id", "region"],
        ["id", "region"],
        strategy="set_null",
        settling=settling,
        rule="match='FULL'",
    )
    refused(project, OrphansNotSettled, "MATCH FULL wants all columns NULL, or none")
