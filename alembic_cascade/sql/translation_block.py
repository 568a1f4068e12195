"""What ``op.translate_references`` runs on PostgreSQL: one DO block, the same online and in a script."""

from __future__ import annotations

from textwrap import indent
from typing import Protocol

from alembic_cascade.foreign_keys import TableName, column_list
from alembic_cascade.sql.foreign_key_blocks import table_guard
from alembic_cascade.sql.functions import read_functions
from alembic_cascade.sql.quoting import dollar_quote, quote_identifier, quote_literal, quote_table, quote_text_array

# The SQLSTATE by which it refuses; the message says why, the hint what to do instead.
# PostgreSQL has no class CA: https://www.postgresql.org/docs/current/errcodes-appendix.html
REFUSED = "CA001"


class Translation(Protocol):
    """What is translated, as :class:`.TranslateReferencesOp` holds it."""

    source: TableName
    referent: TableName
    local_cols: tuple[str, ...]
    from_cols: tuple[str, ...]
    to_cols: tuple[str, ...]
    if_exists: bool


def translation_functions() -> tuple[str, ...]:
    """The statements that make the functions which the block calls."""
    return read_functions("alembic_cascade.sql", ("translation",))


def translate_block(translation: Translation) -> str:
    """Check everything that could lose a reference, then translate all of them by one UPDATE."""
    source, referent = translation.source, translation.referent
    body = "\n".join(
        [
            *(table_guard(table, if_exists=translation.if_exists) for table in dict.fromkeys((source, referent))),
            "-- Rows hidden by row security would keep the old value: an error instead.",
            "PERFORM pg_catalog.set_config('row_security', 'off', true);",
            "SET CONSTRAINTS ALL IMMEDIATE;",
            f"LOCK TABLE {quote_table(*source)} IN SHARE ROW EXCLUSIVE MODE;",
            _RELATIONS.format(child=_regclass(source)),
            _check(translation),
            _parent_check(translation),
            _SILENCE,
            _update(translation),
            "PERFORM pg_temp.cascade_resume(states);",
            "PERFORM pg_catalog.set_config('row_security', shown_rows, true);",
        ]
    )
    code = f"{_DECLARATIONS}BEGIN\n{indent(body, '    ')}\nEND"
    return f"DO {dollar_quote(code)}"


_DECLARATIONS = """\
DECLARE
    shown_rows text := pg_catalog.current_setting('row_security');
    problem text;
    held bigint;
    translated bigint;
    states text[] := '{}';
    relations oid[];
"""

# The table with its partitions, and with those that inherit from it.
_RELATIONS = "relations := pg_temp.cascade_family({child});"

# A translated row means what it meant before: triggers that would change it further stay out, as do keys and
# checks that hold for no row of old.
_SILENCE = "states := pg_temp.cascade_suspend(relations, true, NULL);"


def _regclass(table: TableName) -> str:
    return f"{quote_literal(quote_table(*table))}::regclass"


def _refuse_if_problem(hint: str) -> str:
    return f"PERFORM pg_temp.cascade_refuse_translation(problem, {quote_literal(hint)});"


def _check(translation: Translation) -> str:
    columns = map(quote_text_array, (translation.local_cols, translation.from_cols, translation.to_cols))
    arguments = [_regclass(translation.source), _regclass(translation.referent), *columns, "'{}'"]
    return f"PERFORM pg_temp.cascade_check_translation({', '.join(arguments)});"


def _parent_check(translation: Translation) -> str:
    """Every reference needs a parent that it was made to, and a value that it is to take from it."""
    child, parent = quote_table(*translation.source), quote_table(*translation.referent)
    new_values = " OR ".join(f"parent.{quote_identifier(column)} IS NULL" for column in translation.to_cols)
    without_parent = quote_literal(
        f" rows of {translation.source} have no parent by {column_list(translation.referent, translation.from_cols)}"
    )
    without_value = quote_literal(
        f" rows of {translation.source} have a parent with NULL in "
        f"{column_list(translation.referent, translation.to_cols)}"
    )
    return f"""\
SELECT pg_catalog.count(*) INTO held FROM {child} AS child WHERE {_holds_reference(translation)};
SELECT nullif(pg_catalog.count(*), 0) || {without_parent} INTO problem FROM {child} AS child
    WHERE {_holds_reference(translation)}
        AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {_is_parent(translation)});
{_refuse_if_problem("Settle these rows, then run the migration again.")}
SELECT nullif(pg_catalog.count(*), 0) || {without_value} INTO problem
    FROM {child} AS child JOIN {parent} AS parent ON {_is_parent(translation)} WHERE {new_values};
{_refuse_if_problem("Give these parents a value, then run the migration again.")}"""


def _update(translation: Translation) -> str:
    child, parent = quote_table(*translation.source), quote_table(*translation.referent)
    values = ", ".join(
        f"{quote_identifier(local)} = parent.{quote_identifier(new)}"
        for local, new in zip(translation.local_cols, translation.to_cols, strict=True)
    )
    changed = quote_literal(
        f"not all rows of {translation.source} could be changed, by a rule of the table or a writer to "
        f"{translation.referent}"
    )
    unfit = quote_literal(f" values do not fit into {column_list(translation.source, translation.local_cols)}")
    arrived = _pairs(translation.local_cols, translation.to_cols)
    return f"""\
UPDATE {child} AS child SET {values} FROM {parent} AS parent WHERE {_is_parent(translation)};
GET DIAGNOSTICS translated = ROW_COUNT;
IF translated <> held THEN
    problem := {changed};
END IF;
{_refuse_if_problem("Take the rule away, or run the migration again.")}
SELECT nullif(pg_catalog.count(*), 0) || {unfit} INTO problem FROM {child} AS child
    WHERE {_holds_reference(translation)} AND NOT EXISTS (SELECT FROM {parent} AS parent WHERE {arrived});
{_refuse_if_problem("Give it the type of the column that it is to refer to.")}"""


def _holds_reference(translation: Translation) -> str:
    return " AND ".join(f"child.{quote_identifier(column)} IS NOT NULL" for column in translation.local_cols)


def _is_parent(translation: Translation) -> str:
    return _pairs(translation.local_cols, translation.from_cols)


def _pairs(local_cols: tuple[str, ...], remote_cols: tuple[str, ...]) -> str:
    return " AND ".join(
        f"child.{quote_identifier(local)} = parent.{quote_identifier(remote)}"
        for local, remote in zip(local_cols, remote_cols, strict=True)
    )
