"""How far a delete reaches, by rules alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alembic_cascade.foreign_keys import TableName
from alembic_cascade.report.reach import reach
from report.made import key

USERS = TableName(None, "users")


def told(*keys: object, start: TableName = USERS) -> list[tuple[int, str, str]]:
    return [(one.depth, str(one.table), one.effect) for one in reach(keys, start)]  # type: ignore[arg-type]


def test_cascade_goes_on_and_everything_else_ends_it() -> None:
    """A row that stays takes nobody along."""
    keys = [
        key(0, "posts", "users"),
        key(1, "comments", "posts"),
        key(2, "badges", "users", "SET NULL"),
        key(3, "prizes", "badges"),
        key(4, "notes", "comments", "SET DEFAULT"),
        key(5, "bills", "posts", "RESTRICT"),
        key(6, "logs", "comments", "NO ACTION"),
        key(7, "elsewhere", "other"),
    ]
    assert told(*keys) == [
        (1, "badges", "nulled"),
        (1, "posts", "deleted"),
        (2, "bills", "refused"),
        (2, "comments", "deleted"),
        (3, "logs", "refused"),
        (3, "notes", "defaulted"),
    ]


def test_a_cycle_ends_where_it_began() -> None:
    """Each key is told once, itself and the way back among them."""
    keys = [key(0, "posts", "users"), key(1, "users", "posts"), key(2, "users", "users")]
    assert told(*keys) == [(1, "posts", "deleted"), (1, "users", "deleted"), (2, "users", "deleted")]


def test_a_table_is_as_far_away_as_the_shortest_way_to_it() -> None:
    """Two keys lead to comments, and each is told at its own step."""
    keys = [
        key(0, "comments", "users"),
        key(1, "posts", "users"),
        key(2, "comments", "posts"),
        key(3, "likes", "comments"),
    ]
    assert told(*keys) == [
        (1, "comments", "deleted"),
        (1, "posts", "deleted"),
        (2, "comments", "deleted"),
        (2, "likes", "deleted"),
    ]


def test_a_key_that_is_not_enforced_does_nothing() -> None:
    """PostgreSQL 18 has those; rows behind it stay, with a reference to nothing."""
    assert told(key(0, "posts", "users", enforced=False), key(1, "comments", "posts")) == []


@pytest.mark.parametrize("depth", [1, 500, 5000])
def test_a_long_chain_is_walked_without_recursion(depth: int) -> None:
    """Deeper than Python's stack."""
    keys = [key(0, "t0", "users"), *(key(number, f"t{number}", f"t{number - 1}") for number in range(1, depth))]
    assert max(one.depth for one in reach(keys, USERS)) == depth


def test_a_null_that_a_column_does_not_take_refuses() -> None:
    """PostgreSQL runs into NOT NULL, and nothing is deleted."""
    refusing = replace(key(0, "badges", "users", "SET NULL"), refuses_null=True)
    going = replace(key(1, "posts", "users"), refuses_null=True)
    assert told(refusing, going) == [(1, "badges", "refused"), (1, "posts", "deleted")]
