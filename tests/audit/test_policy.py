"""What a project says of its keys and findings: what is refused, and what is meant by a pattern."""

from __future__ import annotations

from typing import Any

import pytest

from alembic_cascade import CascadeConfig, ConfigError, OnDeleteRule, Waiver


@pytest.mark.parametrize("value", ["", "  ", None, 1, ["a"]])
@pytest.mark.parametrize("field", ["rule", "target", "reason"])
def test_a_waiver_says_all_three(field: str, value: Any) -> None:
    """Above all the reason."""
    arguments = {"rule": "cascade-cycle", "target": "*", "reason": "meant", field: value}
    with pytest.raises(ConfigError, match=rf"^Waiver\({field}\): must be a text, not "):
        Waiver(**arguments)


@pytest.mark.parametrize("pattern", ["", "user_id", "a.b.c.d", ".user_id", "posts.", None, 1])
def test_what_is_no_pattern_of_keys(pattern: Any) -> None:
    """It is a table and a column, with a schema or without one."""
    with pytest.raises(ConfigError, match=r"^OnDeleteRule\(keys\): .* is no key pattern"):
        OnDeleteRule(pattern, "CASCADE", "meant")


@pytest.mark.parametrize("rule", ["", "cascade", "DELETE", "SET NULL (a)", None])
def test_what_is_no_rule(rule: Any) -> None:
    """Those of SQL are taken, as SQL writes them."""
    with pytest.raises(
        ConfigError, match=r"^OnDeleteRule\(rule\): must be one of 'NO ACTION', 'RESTRICT', 'CASCADE', "
    ):
        OnDeleteRule("posts.user_id", rule, "meant")


@pytest.mark.parametrize("reason", ["", " ", None])
def test_a_rule_has_a_reason(reason: Any) -> None:
    """It is what the finding says."""
    with pytest.raises(ConfigError, match=r"^OnDeleteRule\(reason\): must be a text, not "):
        OnDeleteRule("posts.user_id", "CASCADE", reason)


@pytest.mark.parametrize("field", ["waivers", "on_delete"])
@pytest.mark.parametrize("values", ["text", {"a": 1}, 1, None, [1], [("a", "b", "c")]])
def test_settings_hold_nothing_else(field: str, values: Any) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigError, match=f"^{field}: must "):
        CascadeConfig(**{field: values})


def test_the_settings_are_kept_as_tuples() -> None:
    """A generator would be empty when it is asked again."""
    waiver, rule = Waiver("cascade-cycle", "*", "meant"), OnDeleteRule("posts.user_id", "CASCADE", "meant")
    config = CascadeConfig(waivers=(one for one in [waiver]), on_delete=[rule])  # type: ignore[arg-type]
    assert (config.waivers, config.on_delete) == ((waiver,), (rule,))


@pytest.mark.parametrize(
    ("target", "covered"),
    [("User.posts", True), ("User.*", True), ("*", True), ("user.posts", False), ("Post.*", False), ("User", False)],
)
def test_what_a_waiver_covers(target: str, *, covered: bool) -> None:
    """A glob, in which case matters."""
    waiver = Waiver("cascade-cycle", target, "meant")
    assert waiver.covers("cascade-cycle", "User.posts") is covered
    assert not waiver.covers("set-null-not-null", "User.posts")


@pytest.mark.parametrize(
    ("pattern", "meant"),
    [
        ("posts.user_id", True),
        ("*.number", True),
        ("p*.*", True),
        ("public.posts.user_id", True),
        ("other.posts.user_id", False),
        ("users.user_id", False),
        ("posts.id", False),
    ],
)
def test_what_a_rule_means(pattern: str, *, meant: bool) -> None:
    """A key of several columns by any of them."""
    assert OnDeleteRule(pattern, "CASCADE", "meant").means("public", "posts", ["user_id", "number"]) is meant
