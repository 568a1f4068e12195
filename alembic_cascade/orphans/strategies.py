"""What becomes of a key's orphans: by its own rule, or as somebody said."""

from __future__ import annotations

from dataclasses import dataclass

from alembic_cascade.config import ON_DELETE, CascadeConfig
from alembic_cascade.declared import KeySettings
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.patterns import matches_key

BY_RULE = {"CASCADE": "quarantine", "SET NULL": "set_null", "SET DEFAULT": "set_default"}


@dataclass(frozen=True)
class Decision:
    """A strategy for one key, the columns that it clears, and in words why it was chosen."""

    strategy: str
    columns: tuple[str, ...]
    max_orphans: float | None
    reason: str

    def remark(self, key: ForeignKey) -> str:
        """The line above the operation: what happens, and how that was decided."""
        columns = ", ".join(self.columns or key.local_columns)
        done = {
            "quarantine": f"orphans go into the quarantine, {self.reason}",
            "set_null": f"orphans get NULL in {columns}, {self.reason}; old values go into the quarantine",
            "set_default": f"orphans get the default in {columns}, {self.reason}; old values go into the quarantine",
            "fail": f"orphans stop the migration, {self.reason}",
            "delete": f"orphans are DELETED FOR GOOD, with all that depends on them, {self.reason}",
        }[self.strategy]
        return f"{key.label}: {done}"


def decide(key: ForeignKey, settings: KeySettings, config: CascadeConfig, schema: str | None) -> Decision | None:
    """The strategy for ``key``, None where its orphans are nobody's business.

    The key's own ``info`` counts before the overrides, these before ``orphans``. ``schema`` is the one in
    which the child really is.
    """
    source = TableName(schema, key.source.name)
    overrides = [pattern for pattern in config.orphan_overrides if _means(pattern, source, key)]
    limit = config.max_orphans if settings.max_orphans is ... else settings.max_orphans
    if settings.orphans is not ...:
        return _decided(settings.orphans, key, limit, f"as info={{'orphans': {settings.orphans!r}}} of the key says")
    if overrides:
        said = config.orphan_overrides[overrides[-1]]
        return _decided(said, key, limit, f"as orphan_overrides[{overrides[-1]!r}] says")
    return _decided(config.orphans, key, limit, f"as orphans={config.orphans!r} says")


def _means(pattern: str, source: TableName, key: ForeignKey) -> bool:
    return any(matches_key(pattern, source.schema, source.name, column) for column in key.local_columns)


def _decided(said: str | None, key: ForeignKey, limit: float | None, reason: str) -> Decision | None:
    if said is None:
        return None
    cleared = key.ondelete.columns if key.ondelete.rule in {"SET NULL", "SET DEFAULT"} else ()
    if said != ON_DELETE:
        return Decision(said, cleared if said.startswith("set_") else (), limit, reason)
    strategy = BY_RULE.get(key.ondelete.rule, "fail")
    would = {
        "quarantine": "as ON DELETE CASCADE would delete them",
        "fail": f"as ON DELETE {key.ondelete.rule} would stop a delete",
    }.get(strategy, f"as by ON DELETE {key.ondelete}")
    return Decision(strategy, cleared, limit, would)
