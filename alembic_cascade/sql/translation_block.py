"""What ``op.translate_references`` runs on PostgreSQL: one DO block, the same online and in a script."""

from __future__ import annotations

from textwrap import indent
from typing import Protocol

from alembic_cascade.foreign_keys import TableName, column_list
from alembic_cascade.sql.foreign_key_blocks import table_guard
from alembic_cascade.sql.quoting import dollar_quote, quote_identifier, quote_literal, quote_table, quote_text_array

# The SQLSTATE by which the block refuses; the message says why, the hint what to do instead.
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
            _type_check(translation),
            _unique_check(referent, translation.from_cols),
            _unique_check(referent, translation.to_cols),
            _other_keys_check(translation),
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
    return (
        f"IF problem IS NOT NULL THEN\n"
        f"    RAISE SQLSTATE '{REFUSED}' USING MESSAGE = problem,\n        HINT = {quote_literal(hint)};\nEND IF;"
    )


def _type_check(translation: Translation) -> str:
    check = f"""\
SELECT pg_catalog.string_agg(pg_catalog.format('%I is %s, %I is %s', held_column.attname,
        pg_catalog.format_type(held_column.atttypid, held_column.atttypmod), new_column.attname,
        pg_catalog.format_type(new_column.atttypid, new_column.atttypmod)), '; ') INTO problem
FROM unnest({quote_text_array(translation.from_cols)}, {quote_text_array(translation.to_cols)}) AS pair (held, new)
JOIN pg_catalog.pg_attribute AS held_column
    ON held_column.attrelid = {_regclass(translation.referent)} AND held_column.attname = pair.held
JOIN pg_catalog.pg_attribute AS new_column
    ON new_column.attrelid = {_regclass(translation.referent)} AND new_column.attname = pair.new
WHERE held_column.atttypid <> new_column.atttypid
    AND NOT (held_column.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
        AND new_column.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype))
    AND NOT (held_column.atttypid IN ('text'::regtype, 'varchar'::regtype)
        AND new_column.atttypid IN ('text'::regtype, 'varchar'::regtype));"""
    return f"{check}\n" + _refuse_if_problem(
        f"Add a new column to {translation.source}, fill it from {translation.referent}, and let the key stand on it."
    )


def _unique_check(table: TableName, columns: tuple[str, ...]) -> str:
    check = f"""\
IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_index
    WHERE indrelid = {_regclass(table)} AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
        AND {quote_text_array(tuple(sorted(columns)))} = (
            SELECT pg_catalog.array_agg(attname::text ORDER BY attname COLLATE "C") FROM pg_catalog.pg_attribute
            WHERE attrelid = indrelid AND attnum = ANY ((indkey::int2[])[0:indnkeyatts - 1]))
) THEN
    problem := {quote_literal(f"{column_list(table, columns)} is not unique")};
END IF;"""
    return f"{check}\n" + _refuse_if_problem("Make a UNIQUE constraint on it first.")


def _other_keys_check(translation: Translation) -> str:
    """Keys on the columns that change, and keys that refer to them without following."""
    changing = tuple(
        local
        for local, held, new in zip(translation.local_cols, translation.from_cols, translation.to_cols, strict=True)
        if held != new
    )
    columns = quote_text_array(changing)
    check = f"""\
SELECT pg_catalog.format('the key %I of %s is in the way', conname, conrelid::regclass) INTO problem
FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND conparentid = 0
    AND ((conrelid = ANY (relations) AND EXISTS (SELECT FROM pg_catalog.pg_attribute
            WHERE attrelid = conrelid AND attnum = ANY (conkey) AND attname = ANY ({columns})))
        OR (confrelid = ANY (relations) AND confupdtype <> 'c' AND EXISTS (SELECT FROM pg_catalog.pg_attribute
            WHERE attrelid = confrelid AND attnum = ANY (confkey) AND attname = ANY ({columns}))))
ORDER BY conname LIMIT 1;"""
    return f"{check}\n" + _refuse_if_problem("Drop it before, and create it again afterwards.")


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
