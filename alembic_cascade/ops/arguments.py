"""The arguments of operations on foreign keys: read into values, and written from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import Action, ForeignKey, TableName


def key_from_arguments(
    constraint_name: str,
    source_table: str,
    referent_table: str,
    local_cols: Sequence[str],
    remote_cols: Sequence[str],
    source_schema: str | None,
    referent_schema: str | None,
    rule: Mapping[str, Any],
) -> ForeignKey:
    """The foreign key that an operation's arguments describe; ``rule`` holds those of :func:`rule_arguments`.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    if not constraint_name:
        raise ConfigError("constraint_name", "a foreign key in a revision must be named")
    check_columns(local_cols=local_cols, remote_cols=remote_cols)
    initially = str(rule.get("initially") or "IMMEDIATE").upper()
    if initially not in {"IMMEDIATE", "DEFERRED"}:
        raise ConfigError("initially", f"must be 'IMMEDIATE' or 'DEFERRED', not {rule['initially']!r}")
    match = str(rule.get("match") or "SIMPLE").upper()
    if match not in {"SIMPLE", "FULL"}:
        raise ConfigError("match", f"must be 'SIMPLE' or 'FULL', not {rule['match']!r}")
    return ForeignKey(
        name=str(constraint_name),
        source=TableName(source_schema, source_table),
        referent=TableName(referent_schema, referent_table),
        pairs=tuple(zip(local_cols, remote_cols, strict=True)),
        ondelete=_action("ondelete", rule.get("ondelete")),
        onupdate=_action("onupdate", rule.get("onupdate")),
        deferrable=bool(rule.get("deferrable")) or initially == "DEFERRED",
        deferred=initially == "DEFERRED",
        match=None if match == "SIMPLE" else match,
        validated=not rule.get("not_valid", False),
        enforced=bool(rule.get("enforced", True)),
    )


def existing_key(target: ForeignKey, given: Mapping[str, Any]) -> ForeignKey:
    """The key before: ``target`` with what the ``existing_...`` arguments say otherwise; ``...`` is nothing."""
    said = {argument: value for argument, value in given.items() if value is not ...}
    rule = {**rule_arguments(target), **said}
    if not rule["deferrable"] and "initially" not in said:
        rule["initially"] = None
    return key_from_arguments(
        said.get("constraint_name") or target.name or "",
        target.source.name,
        said.get("referent_table", target.referent.name),
        target.local_columns,
        said.get("remote_cols", target.remote_columns),
        target.source.schema,
        said.get("referent_schema", target.referent.schema),
        rule,
    )


def check_columns(local_cols: Sequence[str], **others: Sequence[str]) -> None:
    """Refuse what is no list of column names, or not as many as ``local_cols``.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    for argument, columns in {"local_cols": local_cols, **others}.items():
        if isinstance(columns, str) or not columns or not all(isinstance(column, str) for column in columns):
            raise ConfigError(argument, f"must be a list of column names, not {columns!r}")
        if len(columns) != len(local_cols):
            raise ConfigError(argument, f"has {len(columns)} columns, local_cols has {len(local_cols)}")


def check_flags(**flags: object) -> None:
    """Refuse what is neither True nor False.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    for argument, value in flags.items():
        if not isinstance(value, bool):
            raise ConfigError(argument, f"must be True or False, not {value!r}")


def check_tables(**tables: object) -> None:
    """Refuse what can't be the name of a table.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    for argument, value in tables.items():
        if not isinstance(value, str) or not value:
            raise ConfigError(argument, f"must be the name of a table, not {value!r}")


def check_distinct(argument: str, columns: Sequence[str]) -> None:
    """Refuse a list that has a column twice.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    if len(set(columns)) < len(columns):
        raise ConfigError(argument, f"has a column twice: {list(columns)!r}")


def check_members(argument: str, columns: object, local_cols: Sequence[str]) -> None:
    """Refuse what is no list of some of ``local_cols``.

    Errors: :exc:`.ConfigError` that names the argument.
    """
    listed = columns if isinstance(columns, list | tuple) else ()
    if not listed or not all(column in local_cols for column in listed):
        raise ConfigError(argument, f"must be some of local_cols, not {columns!r}")


def check_revision(revision: object) -> None:
    """Refuse what is no identifier of a revision.

    Errors: :exc:`.ConfigError`.
    """
    if not isinstance(revision, str) or not revision:
        raise ConfigError("revision", f"must be the revision's identifier, as in revision=revision, not {revision!r}")


def _action(argument: str, text: str | None) -> Action:
    action = Action.parse(text)
    if action.rule not in {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"}:
        raise ConfigError(argument, f"{text!r} is no referential action")
    return action


def rule_arguments(key: ForeignKey) -> dict[str, Any]:
    """The rule of ``key`` as an operation's keywords, PostgreSQL's defaults included."""
    return {
        "ondelete": key.ondelete.text,
        "onupdate": key.onupdate.text,
        "deferrable": key.deferrable or None,
        "initially": "DEFERRED" if key.deferred else None,
        "match": key.match,
        "not_valid": not key.validated,
        "enforced": key.enforced,
    }


RULE_DEFAULTS: Mapping[str, Any] = {
    "ondelete": None,
    "onupdate": None,
    "deferrable": None,
    "initially": None,
    "match": None,
    "not_valid": False,
    "enforced": True,
}
