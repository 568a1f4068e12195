"""Arguments of concurrent operations that can't be."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations

from alembic_cascade import ConfigError

WRONG: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {}
CLEAN = ("posts", "users", ["user_id"], ["id"])
for argument, value in [
    ("batch_size", 0), ("batch_size", -1), ("batch_size", 1.5), ("batch_size", True), ("batch_size", "100"), ("batch_size", 2**31),
    ("batch_pause", -1), ("batch_pause", "1s"), ("batch_pause", None), ("batch_pause", float("nan")), ("batch_pause", float("inf")),
    ("lock_timeout", "5"), ("lock_timeout", 5), ("lock_timeout", "0s"), ("concurrently", "yes"), ("concurrently", 1), ("concurrently", None),
    ("check_only", True), ("check_only", "yes"),
]:  # fmt: skip
    more = {} if argument in {"check_only", "concurrently"} else {"concurrently": True}
    WRONG[f"clean_orphans {argument}={value!r}"] = ("clean_orphans", CLEAN, {"strategy": "fail", "revision": "r", **more, argument: value})  # fmt: skip
    if argument in {"lock_timeout", "concurrently"}:
        for name in ("add_foreign_key", "drop_foreign_key", "alter_foreign_key"):
            WRONG[f"{name} {argument}={value!r}"] = (name, ("made", *CLEAN), {argument: value})
    if argument in {"lock_timeout", "concurrently", "batch_pause"}:
        WRONG[f"restore_orphans {argument}={value!r}"] = ("restore_orphans", CLEAN, {"revision": "r", argument: value})


@pytest.mark.parametrize(("operation", "arguments", "keywords"), WRONG.values(), ids=WRONG)
def test_an_argument_that_can_not_be_is_named(
    operation: str, arguments: tuple[Any, ...], keywords: dict[str, Any]
) -> None:
    """Before anything is run."""
    operations = Operations(MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True}))
    with pytest.raises(ConfigError) as refused:
        getattr(operations, operation)(*arguments, **keywords)
    assert refused.value.field == list(keywords)[-1]


TRANSLATE = {"concurrently": True, "not_valid": True, "existing_remote_cols": ["number"], "translate": True}


@pytest.mark.parametrize("change", [{"not_valid": False}, {"concurrently": False}, {"existing_referent_table": "people"}, {"translate": "yes"}])  # fmt: skip
def test_a_translation_needs_its_companions(change: dict[str, Any]) -> None:
    """The same parent, no look at the rows, and the concurrent form."""
    operations = Operations(MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True}))
    with pytest.raises(ConfigError) as refused:
        operations.alter_foreign_key("made", *CLEAN, **{**TRANSLATE, **change})
    assert refused.value.field == "translate"
