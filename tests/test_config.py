"""The settings: what they take, what they refuse by the field's name, and what Alembic is given of them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from fnmatch import fnmatchcase
from typing import Any

import pytest
from alembic.autogenerate.rewriter import Rewriter
from hypothesis import example, given
from hypothesis import strategies as st

from alembic_cascade import CascadeConfig, ConfigError, configure_options
from alembic_cascade.config import config_of

# A part of a pattern: anything that a name or a glob can hold, but no dot.
PARTS = st.text(st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1)
PATTERNS = st.builds(".".join, st.lists(PARTS, min_size=1, max_size=2))
NO_PATTERNS = st.one_of(
    st.just(""),
    st.none(),
    st.integers(),
    st.binary(),
    st.builds(".".join, st.lists(PARTS, min_size=3, max_size=5)),
    PARTS.map(lambda part: f".{part}"),
    PARTS.map(lambda part: f"{part}."),
    PARTS.map(lambda part: f"{part}..{part}"),
)
NO_LISTS = st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.booleans(), st.just(object()))


def refused(field: str, **settings: Any) -> str:
    with pytest.raises(ConfigError) as refusal:
        CascadeConfig(**settings)
    assert refusal.value.field == field
    assert str(refusal.value).startswith(f"{field}: ")
    return str(refusal.value)


@given(NO_LISTS)
@example({"legacy": True})
@example(b"")
def test_a_field_of_patterns_that_is_no_list_is_refused(value: object) -> None:
    """A string is a sequence of letters, each of them a pattern: the mistake is easy and matches wildly."""
    refused("optional_tables", optional_tables=value)


@given(st.lists(PATTERNS), NO_PATTERNS, st.lists(PATTERNS))
def test_a_list_with_one_bad_pattern_is_refused_with_the_pattern(
    before: list[str], bad: object, after: list[str]
) -> None:
    """Whoever has thirty patterns wants to know which one it is."""
    assert repr(bad) in refused("optional_tables", optional_tables=[*before, bad, *after])


@given(st.lists(PATTERNS))
def test_patterns_are_kept_as_a_tuple_whatever_they_came_in(patterns: list[str]) -> None:
    """The settings can't be changed afterwards through the list that they were made of."""
    given = list(patterns)
    config = CascadeConfig(optional_tables=given)
    given.append("later")
    assert config.optional_tables == tuple(patterns)
    assert CascadeConfig(optional_tables=iter(patterns)).optional_tables == tuple(patterns)


@given(PARTS, PARTS, st.none() | PARTS)
def test_a_pattern_without_a_schema_means_the_table_in_any_schema(pattern: str, table: str, schema: str | None) -> None:
    """Patterns are globs, told apart by upper and lower case as PostgreSQL's own names are."""
    assert CascadeConfig(optional_tables=[pattern]).is_optional(schema, table) is fnmatchcase(table, pattern)


@given(PARTS, PARTS, PARTS, PARTS)
def test_a_pattern_with_a_schema_means_both(schema_glob: str, table_glob: str, schema: str, table: str) -> None:
    """Neither half alone is enough."""
    config = CascadeConfig(optional_tables=[f"{schema_glob}.{table_glob}"])
    assert config.is_optional(schema, table) is (fnmatchcase(schema, schema_glob) and fnmatchcase(table, table_glob))


@pytest.mark.parametrize(
    ("pattern", "schema", "table", "optional"),
    [
        ("legacy", "public", "legacy", True),
        ("legacy", "archive", "legacy", True),
        ("legacy", "public", "legacy_users", False),
        ("legacy_*", "public", "legacy_users", True),
        ("legacy_*", "public", "Legacy_users", False),
        ("archive.*", "archive", "users", True),
        ("archive.*", "public", "users", False),
        ("archive_[0-9].users", "archive_7", "users", True),
        ("archive.*", None, "users", False),
        ("*", None, "users", True),
    ],
)
def test_a_pattern_matches_whole_names(pattern: str, schema: str | None, table: str, optional: bool) -> None:
    """``legacy`` is one table; all that begin so are ``legacy*``."""
    assert CascadeConfig(optional_tables=["nothing", pattern]).is_optional(schema, table) is optional


def test_a_pattern_matches_a_name_that_holds_a_dot() -> None:
    """The dot belongs to the pattern's grammar, a star covers it in the name."""
    assert CascadeConfig(optional_tables=["odd*"]).is_optional("public", "odd.name")


def test_nothing_is_optional_by_default() -> None:
    """A setting that is not given changes nothing."""
    assert not CascadeConfig().is_optional("public", "users")


def test_settings_are_frozen() -> None:
    """What was handed to ``configure`` can't change between two revisions."""
    config = CascadeConfig()
    with pytest.raises(FrozenInstanceError):
        config.optional_tables = ["users"]  # type: ignore[misc]


def test_equal_settings_are_equal_and_hashable() -> None:
    """They can be kept in sets and compared in a project's own tests."""
    assert CascadeConfig(optional_tables=["a"]) == CascadeConfig(optional_tables=("a",))
    assert len({CascadeConfig(optional_tables=["a"]), CascadeConfig(optional_tables=("a",))}) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("orphans", "cascade"),
        ("orphans", True),
        ("orphans", ["quarantine"]),
        ("orphan_overrides", [("posts.user_id", "fail")]),
        ("orphan_overrides", {"posts": "fail"}),
        ("orphan_overrides", {"a.b.c.d": "fail"}),
        ("orphan_overrides", {"posts.": "fail"}),
        ("orphan_overrides", {7: "fail"}),
        ("orphan_overrides['posts.user_id']", {"posts.user_id": "nothing"}),
        ("max_orphans", -1),
        ("max_orphans", 1.5),
        ("max_orphans", float("nan")),
        ("max_orphans", True),
        ("max_orphans", "10%"),
        ("trust_valid_keys", "yes"),
        ("trust_valid_keys", None),
        ("quarantine_schema", ""),
        ("quarantine_schema", "x" * 64),
        ("quarantine_schema", "pg_quarantine"),
        ("quarantine_schema", 7),
    ],
)
def test_a_setting_for_orphans_that_can_not_be_is_refused_by_its_name(field: str, value: Any) -> None:
    """The revision would be wrong, or its upgrade would fail on somebody else's machine."""
    with pytest.raises(ConfigError) as refusal:
        CascadeConfig(**{field.partition("[")[0]: value})
    assert refusal.value.field == field


def test_settings_for_orphans_that_can_be() -> None:
    """Each kind of value once."""
    config = CascadeConfig(
        orphans=None,
        orphan_overrides={"posts.*_id": "quarantine", "audit.log.user": None},
        max_orphans=0,
        trust_valid_keys=False,
        quarantine_schema=None,
    )
    assert config.orphan_overrides == {"posts.*_id": "quarantine", "audit.log.user": None}
    assert CascadeConfig(max_orphans=None).max_orphans is None
    assert CascadeConfig(max_orphans=1.0).max_orphans == 1.0


@given(st.one_of(st.text(), st.binary(), st.none(), st.integers(), st.just(object())))
@example({"posts": True})
def test_what_is_concurrent_is_all_or_a_list_of_patterns(value: object) -> None:
    """1 is not True, and "posts" is a list of letters."""
    refused("concurrently", concurrently=value)


@given(st.lists(PATTERNS), NO_PATTERNS)
def test_a_bad_pattern_of_what_is_concurrent_is_named(patterns: list[str], bad: object) -> None:
    """As for optional tables."""
    assert repr(bad) in refused("concurrently", concurrently=[*patterns, bad])


@pytest.mark.parametrize(
    ("concurrently", "posts", "archived"),
    [
        (False, False, False),
        (True, True, True),
        ([], False, False),
        (["posts"], True, True),
        (["public.*"], True, False),
        (["users", "archive.p*"], False, True),
    ],
)
def test_which_tables_are_never_locked_for_long(concurrently: Any, posts: bool, archived: bool) -> None:
    """A pattern without a schema means the table in any."""
    config = CascadeConfig(concurrently=iter(concurrently) if isinstance(concurrently, list) else concurrently)
    assert config.is_concurrent("public", "posts") is posts
    assert config.is_concurrent("archive", "posts") is archived


@pytest.mark.parametrize(("concurrently", "given"), [(False, False), ([], False), (True, True), (["posts"], True)])
def test_each_revision_has_a_transaction_of_its_own_where_some_have_none(concurrently: Any, given: bool) -> None:
    """A block without a transaction would commit what the revisions before it did; otherwise all is Alembic's own."""
    options = configure_options(CascadeConfig(concurrently=concurrently))
    assert options.get("transaction_per_migration", ...) is (True if given else ...)


@pytest.mark.parametrize(
    "value",
    [5, 0.5, "5", "", "s", "5 s", " 5s", "5s\n", "-1s", "0s", "05s", "1.5s", "1h", "5S", "\u0665s", True, "99999999999ms", "2147483648ms", "35792min"],
)  # fmt: skip
def test_a_duration_without_a_unit_or_out_of_range_is_refused(value: object) -> None:
    """PostgreSQL reads a bare number as milliseconds, people as seconds."""
    assert repr(value) in refused("lock_timeout", lock_timeout=value)


@pytest.mark.parametrize("value", [None, "1ms", "500ms", "5s", "90s", "1min", "2147483647ms", "35791min"])
def test_a_duration_as_postgresql_writes_it(value: str | None) -> None:
    """None leaves the session's own alone."""
    assert CascadeConfig(lock_timeout=value).lock_timeout == value


@pytest.mark.parametrize("value", ["yes", 1, None, ["posts"]])
def test_whether_keys_are_indexed_is_true_or_false(value: Any) -> None:
    """A list of tables would be another setting."""
    refused("index_foreign_keys", concurrently=True, index_foreign_keys=value)


@pytest.mark.parametrize("concurrently", [False, []])
def test_indexes_are_built_only_where_nobody_is_locked_out(concurrently: Any) -> None:
    """A setting that did nothing would be taken for one that does."""
    assert "concurrently" in refused("index_foreign_keys", concurrently=concurrently, index_foreign_keys=True)
    assert CascadeConfig(concurrently=["posts"], index_foreign_keys=True).index_foreign_keys


def test_settings_are_given_by_name() -> None:
    """More fields will come, in an order that nobody should depend on."""
    with pytest.raises(TypeError, match="positional"):
        CascadeConfig(["users"])  # type: ignore[misc]


def test_a_setting_that_does_not_exist_is_refused() -> None:
    """None is accepted and ignored."""
    with pytest.raises(TypeError, match="optional_table'"):
        CascadeConfig(optional_table=["users"])  # type: ignore[call-arg]


def hook(context: object, revision: object, directives: list[object]) -> None:
    """A project's own hook."""


def test_alembics_own_plugins_come_first_and_the_callers_last() -> None:
    """The list replaces Alembic's default: without the built-ins nothing at all would be compared."""
    options = configure_options(autogenerate_plugins=["theirs", "alembic_cascade", "more.*"])
    assert options["autogenerate_plugins"] == ["alembic.autogenerate.*", "alembic_cascade", "theirs", "more.*"]


@pytest.mark.parametrize("directives", [None, hook, Rewriter()], ids=["none", "function", "Rewriter"])
def test_the_callers_hook_is_handed_on(directives: Any) -> None:
    """Ours runs after it, and where there is none."""
    options = configure_options(CascadeConfig(), process_revision_directives=directives)
    assert options["process_revision_directives"].theirs is directives


def test_the_settings_are_handed_on_as_they_are() -> None:
    """Alembic keeps them in ``opts``, where the comparators find them; there is no other place."""
    config = CascadeConfig(optional_tables=["legacy"])
    assert config_of(configure_options(config)) is config
    assert config_of(configure_options()) == CascadeConfig()
    assert config_of({}) == CascadeConfig()


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("config", {"config": {"optional_tables": ["a"]}}),
        ("config", {"config": CascadeConfig}),
        ("config", {"config": False}),
        ("autogenerate_plugins", {"autogenerate_plugins": "theirs"}),
        ("autogenerate_plugins", {"autogenerate_plugins": b"theirs"}),
        ("autogenerate_plugins", {"autogenerate_plugins": None}),
        ("autogenerate_plugins", {"autogenerate_plugins": 3}),
        ("autogenerate_plugins", {"autogenerate_plugins": ["theirs", 3]}),
        ("autogenerate_plugins", {"autogenerate_plugins": ["theirs", ""]}),
        ("process_revision_directives", {"process_revision_directives": "hook"}),
        ("process_revision_directives", {"process_revision_directives": [hook]}),
    ],
)
def test_an_argument_of_another_type_is_refused_by_its_name(field: str, arguments: dict[str, Any]) -> None:
    """A wrong type would show itself only deep inside of Alembic."""
    with pytest.raises(ConfigError) as refusal:
        configure_options(**arguments)
    assert refusal.value.field == field
    assert str(refusal.value).startswith(f"{field}: ")


@pytest.mark.parametrize("value", [{"optional_tables": []}, "legacy", CascadeConfig, False])
def test_a_cascade_keyword_that_is_no_settings_is_refused(value: object) -> None:
    """Somebody may hand it to ``configure`` by hand."""
    with pytest.raises(ConfigError, match=r"^cascade: "):
        config_of({"cascade": value})
