"""What a project says of its keys and findings: the rules that keys are to have, and what is as it is on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from alembic_cascade.errors import ConfigError
from alembic_cascade.patterns import check_key_pattern, matches_key

RULES = ("NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT")


@dataclass(frozen=True)
class Waiver:
    """A finding that is meant: the rule's name, a glob of what it is about, such as ``"User.*"``, and why.

    Errors: :exc:`.ConfigError` that names the argument.
    """

    rule: str
    target: str
    reason: str

    def __post_init__(self) -> None:
        for name in ("rule", "target", "reason"):
            _check_text(f"Waiver({name})", getattr(self, name))

    def covers(self, rule: str, target: str) -> bool:
        return rule == self.rule and fnmatchcase(target, self.target)

    def __str__(self) -> str:
        return f"Waiver({self.rule!r}, {self.target!r})"


@dataclass(frozen=True)
class OnDeleteRule:
    """The ON DELETE rule that the keys of a pattern ``[schema.]table.column`` are to have, and why.

    Errors: :exc:`.ConfigError` that names the argument.
    """

    keys: str
    rule: str
    reason: str

    def __post_init__(self) -> None:
        check_key_pattern("OnDeleteRule(keys)", self.keys)
        if self.rule not in RULES:
            raise ConfigError("OnDeleteRule(rule)", f"must be one of {', '.join(map(repr, RULES))}, not {self.rule!r}")
        _check_text("OnDeleteRule(reason)", self.reason)

    def means(self, schema: str | None, table: str, columns: Sequence[str]) -> bool:
        """Whether it is about the key of these columns."""
        return any(matches_key(self.keys, schema, table, column) for column in columns)


def _check_text(field: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(field, f"must be a text, not {value!r}")
