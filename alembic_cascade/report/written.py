"""Foreign keys as revisions write them: the arguments of an operation, or what a table is made with."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from alembic_cascade.errors import ConfigError
from alembic_cascade.foreign_keys import ForeignKey, TableName
from alembic_cascade.ops.arguments import existing_key, key_from_arguments
from alembic_cascade.report.evaluating import Unknown

Evaluate = Callable[[ast.expr], Any]

CREATE = ("constraint_name", "source_table", "referent_table", "local_cols", "remote_cols")
DROP = ("constraint_name", "table_name", "type_")


def arguments(call: ast.Call, places: Sequence[str], evaluate: Evaluate) -> dict[str, Any]:
    """The arguments by their names; those that have no name in ``places`` are left out, as are those not known.

    Errors: :exc:`.Unknown` where arguments are unpacked, or one of ``places`` is not known.
    """
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        raise Unknown
    found = {name: evaluate(argument) for name, argument in zip(places, call.args, strict=False)}
    for keyword in call.keywords:
        if keyword.arg is None:
            raise Unknown
        found[keyword.arg] = evaluate(keyword.value)
    return found


def created(given: Mapping[str, Any], name: str | None = None) -> ForeignKey:
    """The key that ``op.create_foreign_key`` or one of ours makes.

    Errors: :exc:`.Unknown` for arguments that it could not be called with.
    """
    info = given.get("info") or {}
    rule = {
        **given,
        "not_valid": given.get("not_valid") or given.get("postgresql_not_valid", False),
        "enforced": given.get("enforced", info.get("alembic_cascade", {}).get("enforced", True)),
    }
    named = given.get("constraint_name") or name
    try:
        return key_from_arguments(
            # A name that the database chooses is none in the text.
            named or "?", given["source_table"], given["referent_table"], given["local_cols"], given["remote_cols"],
            given.get("source_schema"), given.get("referent_schema"), rule,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError, ConfigError) as error:
        raise Unknown from error


def altered(given: Mapping[str, Any]) -> tuple[ForeignKey, ForeignKey]:
    """The key before and after ``op.alter_foreign_key``.

    Errors: :exc:`.Unknown`.
    """
    target = created(given)
    before = {name.removeprefix("existing_"): said for name, said in given.items() if name.startswith("existing_")}
    try:
        return existing_key(target, before), target
    except (TypeError, ValueError, ConfigError) as error:
        raise Unknown from error


def keys_in_table(table: TableName, items: Sequence[ast.expr], evaluate: Evaluate) -> Iterator[ForeignKey | ast.expr]:
    """The keys among what a table is made with, or a column added with; what can't be read comes as it is."""
    for item in items:
        match item:
            case ast.Call(func=ast.Attribute(attr="ForeignKeyConstraint") | ast.Name(id="ForeignKeyConstraint")):
                yield _or_itself(item, partial(_from_constraint, table, evaluate))
            case ast.Call(func=ast.Attribute(attr="Column") | ast.Name(id="Column"), args=[name, *others]):
                for other in others:
                    match other:
                        case ast.Call(func=ast.Attribute(attr="ForeignKey") | ast.Name(id="ForeignKey")):
                            yield _or_itself(other, partial(_from_column, table, name, evaluate))


def _or_itself(call: ast.Call, read: Callable[[ast.Call], ForeignKey]) -> ForeignKey | ast.expr:
    try:
        return read(call)
    except Unknown:
        return call


def _from_constraint(table: TableName, evaluate: Evaluate, call: ast.Call) -> ForeignKey:
    given = arguments(call, ("columns", "refcolumns"), evaluate)
    return _inline(table, given["columns"], given["refcolumns"], given)


def _from_column(table: TableName, column: ast.expr, evaluate: Evaluate, call: ast.Call) -> ForeignKey:
    given = arguments(call, ("column",), evaluate)
    return _inline(table, [evaluate(column)], [given["column"]], given)


def _inline(table: TableName, local: Any, targets: Any, given: Mapping[str, Any]) -> ForeignKey:
    """https://docs.sqlalchemy.org/en/20/core/constraints.html: a target is ``[schema.]table.column``."""
    try:
        parts = [target.rsplit(".", 2) for target in targets]
        schema, name = (parts[0][0], parts[0][1]) if len(parts[0]) > 2 else (None, parts[0][0])  # noqa: PLR2004
        remote = [part[-1] for part in parts]
    except (AttributeError, IndexError, TypeError) as error:
        raise Unknown from error
    return created(
        {
            **given,
            "constraint_name": given.get("name"),
            "source_table": table.name,
            "source_schema": table.schema,
            "referent_table": name,
            "referent_schema": schema,
            "local_cols": list(local),
            "remote_cols": remote,
        }
    )
