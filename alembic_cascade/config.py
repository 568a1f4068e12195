"""The settings of a project."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from alembic_cascade.audit.policy import OnDeleteRule, Waiver
from alembic_cascade.errors import ConfigError
from alembic_cascade.lifecycle.policy import LONGEST_NAME, LifecycleColumn, check_policies
from alembic_cascade.patterns import check_key_pattern, listed, matches_table, table_patterns

# By the key's own rule; the other strategies are the operation's.
ON_DELETE = "on_delete"
STRATEGIES = ("quarantine", "set_null", "set_default", "fail", "delete")
MAX_ORPHANS = 0.10
QUARANTINE_SCHEMA = "alembic_cascade"
LOCK_TIMEOUT = "5s"
BATCH_SIZE = 5000

# With a unit, as https://www.postgresql.org/docs/current/config-setting.html has them; a bare number is easily misread.
_MILLISECONDS = {"ms": 1, "s": 1_000, "min": 60_000}

LARGEST_COUNT = 2**63
LARGEST_INTEGER = 2**31


@dataclass(frozen=True, kw_only=True)
class CascadeConfig:
    """What alembic_cascade does in a project; every setting that is not the default is written into revisions.

    :param optional_tables: patterns ``[schema.]table`` of tables that some deployments lack. They are never
     proposed for creation, and operations on their keys are written with ``if_exists=True``. Patterns are
     globs; one without a schema means the table in any schema.
    :param orphans: what becomes of rows without a parent before a key is made. ``"on_delete"``: what the key would
     have done had the parent been deleted under it, CASCADE sets the rows aside and removes them, SET NULL and SET
     DEFAULT change the column and set the old value aside, NO ACTION and RESTRICT stop the migration.
     ``"quarantine"``, ``"set_null"``, ``"set_default"``, ``"fail"``, ``"delete"`` (for good): that, whatever the
     rule. None: nothing is written.
    :param orphan_overrides: another of these for the keys that a pattern ``[schema.]table.column`` means; of
     several patterns the last counts.
    :param max_orphans: refuse more. A float is a share of the child's references, and lets up to 100 orphans pass;
     a whole number is a count; None lets all pass.
    :param trust_valid_keys: don't look for orphans where a valid key with the same column pairs stands.
    :param concurrently: True, or patterns ``[schema.]table`` of tables that are never to be locked while rows are
     looked at: changes of their keys, and of keys that refer to them, are written into a revision of their own,
     which runs outside of a transaction and can be interrupted and run again.
    :param index_foreign_keys: with ``concurrently``, build an index on the columns of each key that is written, where
     there is none; without it a parent's delete looks at every child.
    :param lock_timeout: how long to wait for a lock, such as ``"500ms"``, ``"5s"`` or ``"1min"``; None is as long as
     the session's own ``lock_timeout`` says. A shorter one of the session's stays. With ``concurrently`` the default is
     half a second, tried again and again.
    :param quarantine_schema: the schema in which rows are set aside, made with the first of them; None: tables
     ``alembic_cascade_...`` beside the version table.
    :param on_delete: the ON DELETE rules that keys are to have, checked by the audit: :class:`OnDeleteRule`; of several
     for one key the last counts.
    :param waivers: findings of the audit that are meant: :class:`Waiver`.
    :param lifecycle: the columns that tables are to have, and what keeps them: :class:`LifecycleColumn`.

    Errors: :exc:`.ConfigError` that names the field.
    """

    optional_tables: Sequence[str] = ()
    orphans: str | None = ON_DELETE
    orphan_overrides: Mapping[str, str | None] = field(default_factory=dict, hash=False)
    max_orphans: float | None = MAX_ORPHANS
    trust_valid_keys: bool = True
    concurrently: bool | Sequence[str] = False
    index_foreign_keys: bool = False
    lock_timeout: str | None = LOCK_TIMEOUT
    quarantine_schema: str | None = QUARANTINE_SCHEMA
    lifecycle: Sequence[LifecycleColumn] = ()
    on_delete: Sequence[OnDeleteRule] = ()
    waivers: Sequence[Waiver] = ()

    def __post_init__(self) -> None:
        check_strategy("orphans", self.orphans)
        if not isinstance(self.orphan_overrides, Mapping):
            raise ConfigError("orphan_overrides", f"must be a dictionary by key pattern, not {self.orphan_overrides!r}")
        for pattern, strategy in self.orphan_overrides.items():
            check_key_pattern("orphan_overrides", pattern)
            check_strategy(f"orphan_overrides[{pattern!r}]", strategy)
        object.__setattr__(self, "orphan_overrides", MappingProxyType(dict(self.orphan_overrides)))
        check_limit("max_orphans", self.max_orphans)
        if not isinstance(self.trust_valid_keys, bool):
            raise ConfigError("trust_valid_keys", f"must be True or False, not {self.trust_valid_keys!r}")
        if not isinstance(self.concurrently, bool):
            object.__setattr__(self, "concurrently", table_patterns("concurrently", self.concurrently))
        if not isinstance(self.index_foreign_keys, bool):
            raise ConfigError("index_foreign_keys", f"must be True or False, not {self.index_foreign_keys!r}")
        if self.index_foreign_keys and not self.concurrently:
            raise ConfigError("index_foreign_keys", "needs concurrently: an index is built without locking anybody out")
        check_lock_timeout("lock_timeout", self.lock_timeout)
        check_schema("quarantine_schema", self.quarantine_schema)
        object.__setattr__(self, "lifecycle", check_policies(listed("lifecycle", self.lifecycle, "LifecycleColumn")))
        object.__setattr__(self, "on_delete", _instances("on_delete", self.on_delete, OnDeleteRule))
        object.__setattr__(self, "waivers", _instances("waivers", self.waivers, Waiver))
        object.__setattr__(self, "optional_tables", table_patterns("optional_tables", self.optional_tables))

    def is_optional(self, schema: str | None, table: str) -> bool:
        """Whether a deployment may lack the table; ``schema`` is never None where the database has schemas."""
        return any(matches_table(pattern, schema, table) for pattern in self.optional_tables)

    def is_concurrent(self, schema: str | None, table: str) -> bool:
        """Whether the table is never to be locked for long; ``schema`` as for :meth:`is_optional`."""
        if isinstance(self.concurrently, bool):
            return self.concurrently
        return any(matches_table(pattern, schema, table) for pattern in self.concurrently)


def _instances(field: str, values: object, kind: type[object]) -> tuple[object, ...]:
    """``values`` as a tuple.

    Errors: :exc:`.ConfigError` that names the field.
    """
    found = listed(field, values, kind.__name__)
    for value in found:
        if not isinstance(value, kind):
            raise ConfigError(field, f"must hold nothing but {kind.__name__}, not {value!r}")
    return found


def check_strategy(field: str, strategy: object) -> None:
    """Refuse what is no strategy for orphans.

    Errors: :exc:`.ConfigError` that names the field.
    """
    known = (ON_DELETE, *STRATEGIES)
    if strategy is not None and strategy not in known:
        raise ConfigError(field, f"must be None or one of {', '.join(map(repr, known))}, not {strategy!r}")


def check_limit(field: str, limit: object) -> None:
    """Refuse what is neither a share nor a count.

    Errors: :exc:`.ConfigError` that names the field.
    """
    if limit is None or (isinstance(limit, int) and not isinstance(limit, bool) and 0 <= limit < LARGEST_COUNT):
        return
    if not isinstance(limit, float) or not 0 <= limit <= 1:
        raise ConfigError(field, f"must be a share from 0.0 to 1.0, a count, or None, not {limit!r}")


def check_lock_timeout(field: str, timeout: object) -> None:
    """Refuse what is no duration with a unit.

    Errors: :exc:`.ConfigError` that names the field.
    """
    if timeout is not None and (not isinstance(timeout, str) or milliseconds(timeout) is None):
        raise ConfigError(field, f"must be a duration such as '500ms', '5s' or '1min', or None, not {timeout!r}")


def milliseconds(timeout: str) -> int | None:
    """A duration such as ``5s`` in milliseconds; None where it is none, or more than PostgreSQL takes."""
    found = re.fullmatch(r"([1-9][0-9]{0,9})(ms|s|min)", timeout)
    duration = int(found[1]) * _MILLISECONDS[found[2]] if found else None
    return duration if duration is not None and duration < LARGEST_INTEGER else None


def check_schema(field: str, schema: object) -> None:
    """Refuse what can't be the name of a schema.

    Errors: :exc:`.ConfigError` that names the field.
    """
    fits = isinstance(schema, str) and 0 < len(schema.encode()) <= LONGEST_NAME and not schema.startswith("pg_")
    if schema is None or fits:
        return
    raise ConfigError(field, f"must be the name of a schema, or None, not {schema!r}")


def config_of(opts: dict[str, Any]) -> CascadeConfig:
    """The settings that an env.py gave, the defaults where it gave none.

    Errors: :exc:`.ConfigError` where ``cascade`` is not a :class:`CascadeConfig`.
    """
    settings = opts.get("cascade")
    if settings is None:
        return CascadeConfig()
    if not isinstance(settings, CascadeConfig):
        raise ConfigError("cascade", f"must be a CascadeConfig, not {settings!r}")
    return settings
