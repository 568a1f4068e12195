"""What the settings of lifecycle columns take, and what they refuse by the field's name."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import BigInteger, Date, DateTime

from alembic_cascade import CascadeConfig, ConfigError, LifecycleColumn

WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "an empty name": ({"name": ""}, "lifecycle", "needs a name"),
    "no table": ({"tables": ()}, "tables", "means no table"),
    "a pattern of three": ({"tables": "a.b.c"}, "tables", "no table pattern"),
    "a bad exclusion": ({"exclude": [3]}, "exclude", "no table pattern"),
    "an alias that is no name": ({"aliases": [""]}, "aliases", "must be column names"),
    "a type that is none": ({"type_": "timestamptz"}, "type_", "must be a type of SQLAlchemy's"),
    "nullable of another kind": ({"nullable": None}, "nullable", "must be True or False"),
    "another event": ({"set_on": "delete"}, "set_on", "must be None, 'insert' or 'update', not 'delete'"),
    "two sources": ({"set_on": "insert", "set_from": "m.a"}, "set_from", "contradicts set_on='insert'"),
    "a type that takes no time": ({"set_on": "update", "type_": BigInteger}, "type_", "takes no time"),
    "a source without a table": ({"set_from": "created_at"}, "set_from", "no column; write [schema.]table.column"),
    "a source that is no text": ({"set_from": 3}, "set_from", "no column"),
    "a way to nowhere": ({"via": "channel_id"}, "via", "is about set_from"),
    "a way that is no name": ({"set_from": "m.a", "via": 3}, "via", "must be a list of column names"),
    "nothing to fill from": ({"backfill": True}, "backfill", "has nothing to fill from"),
    "an empty expression": ({"backfill": " "}, "backfill", "must be None, True or an SQL expression"),
    "a backfill that is off": ({"backfill": False}, "backfill", "must be None, True or an SQL expression"),
    "another security": ({"set_on": "update", "security": "root"}, "security", "must be 'invoker' or 'definer'"),
    "security of nothing": ({"set_on": "insert", "security": "definer"}, "security", "is about a trigger"),
}


@pytest.mark.parametrize(("arguments", "field", "problem"), WRONG.values(), ids=WRONG)
def test_a_contradiction_is_refused_with_the_field(arguments: dict[str, Any], field: str, problem: str) -> None:
    """Before anything is compared."""
    with pytest.raises(ConfigError) as refusal:
        LifecycleColumn(**{"name": "seen_at", **arguments})
    assert problem in str(refusal.value)
    assert refusal.value.field in {field, f"lifecycle['seen_at'].{field}"}


@pytest.mark.parametrize("policies", ["created_at", [None], [LifecycleColumn], {"created_at": True}])
def test_what_is_no_list_of_columns_is_refused(policies: Any) -> None:
    """A name alone says nothing."""
    with pytest.raises(ConfigError, match="lifecycle: must be a list of LifecycleColumn"):
        CascadeConfig(lifecycle=policies)


def test_one_pattern_needs_no_list() -> None:
    """As DESIGN writes it."""
    policy = LifecycleColumn("seen_at", tables="users", exclude="old_*", aliases="seen", type_=Date)
    assert (policy.tables, policy.exclude, policy.aliases) == (("users",), ("old_*",), ("seen",))
    assert isinstance(policy.column_type, Date)
    assert isinstance(LifecycleColumn("seen_at").column_type, DateTime)


def test_equal_settings_are_equal() -> None:
    """They are values, and can be kept in sets."""
    assert LifecycleColumn("a", tables=["x"]) == LifecycleColumn("a", tables="x")
    assert len({LifecycleColumn("a"), LifecycleColumn("a")}) == 1
